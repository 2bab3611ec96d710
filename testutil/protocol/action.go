package protocol

import "fmt"

// step is one thing that may happen in a state, and the state after it.
type step struct {
	name  func() string
	after state
	// broken is the promise that it breaks, if any.
	broken string
	// healthy says that it happens by itself if nothing goes wrong.
	healthy bool
}

// moves collects the steps from one state.
type moves struct {
	*Model
	from  *state
	found []step
}

// steps returns all that may happen in a state.
func (m *Model) steps(from *state) []step {
	v := &moves{Model: m, from: from}
	for e := range m.Engines {
		if from.engines[e].up {
			v.engine(e)
		} else {
			v.restart(e)
		}
	}
	for i := range from.late {
		v.lateStatement(i)
	}
	for of := range m.Types {
		v.lock(of)
	}
	for i := range m.Jobs {
		v.people(int8(i + 1))
	}
	return v.found
}

// can adds a step: change changes the state before it into the one after it.
func (v *moves) can(healthy bool, name func() string, change func(d *database)) {
	d := &database{Model: v.Model, state: new(state)}
	*d.state = *v.from
	change(d)
	v.found = append(v.found, step{name: name, after: *d.state, broken: d.Broken, healthy: healthy})
}

// say returns the name of a step, which is made only if it is printed.
func say(format string, args ...any) func() string {
	return func() string { return fmt.Sprintf(format, args...) }
}

// engine adds what an engine that is up may do: its writer sends one statement if it waits
// for no answer.
func (v *moves) engine(e int) {
	engine := &v.from.engines[e]
	if engine.waits.kind != noStatement {
		v.waiting(e)
	} else {
		v.sendReconcile(e)
		if engine.certainty != mustReconcile {
			v.sendClaims(e)
			for r := range engine.runs {
				if engine.runs[r].job != 0 {
					v.sendWrites(e, r)
				}
			}
		}
	}
	if engine.certainty == mayReconcile {
		v.can(true, say("engine %d stops reconciling its claims", e+1), func(d *database) { d.engines[e].certainty = certain })
	}
	v.renew(e)
	v.guard(e)
	if v.from.left.Crashes > 0 {
		v.can(false, say("engine %d dies", e+1), func(d *database) { d.left.Crashes--; d.crash(e) })
	}
}

// guard is run.expire.
func (v *moves) guard(e int) {
	if v.from.left.Guards == 0 || !v.Walls.stand(Guard) {
		return
	}
	for r, run := range v.from.engines[e].runs {
		if run.job != 0 && !run.expired {
			v.can(false, say("engine %d: its guard ends the run of job %d, which was not renewed in time", e+1, run.job), func(d *database) {
				d.engines[e].runs[r].expired = true
				d.left.Guards--
			})
		}
	}
}

// crash ends an engine. Its number as an owner is never used again.
func (d *database) crash(e int) {
	name := int8(maxEngines + 1)
	for _, l := range d.locks {
		name = max(name, l.owner+1)
	}
	for _, st := range d.late {
		name = max(name, st.owner+1)
	}
	d.engines[e] = engine{}
	d.rename(int8(e+1), name)
}

// rename gives an owner another number.
func (d *database) rename(from, to int8) {
	for i := range d.locks {
		if d.locks[i].owner == from {
			d.locks[i].owner = to
		}
	}
	for i := range d.late {
		if d.late[i].owner == from {
			d.late[i].owner = to
		}
	}
}

// restart starts an engine again. While another one is up, nothing needs that.
func (v *moves) restart(e int) {
	others := false
	for i := range v.Engines {
		others = others || v.from.engines[i].up
	}
	v.can(!others, say("engine %d restarts", e+1), func(d *database) { d.engines[e].up = true })
}

// sendReconcile is the journal's Reconcile.
func (v *moves) sendReconcile(e int) {
	if v.from.engines[e].certainty != certain {
		v.send(true, e, "reconciles its claims", statement{kind: reconcile, owner: int8(e + 1)}, nil)
	}
}

// sendClaims is dispatch's claimTogether, for a type of which nothing runs in this engine.
func (v *moves) sendClaims(e int) {
	for of := range v.Types {
		if v.from.locks[of].job == 0 && !v.runs(e, of) && len(v.scheduledOf(of)) > 0 {
			v.send(true, e, "claims", statement{kind: claim, owner: int8(e + 1), of: int8(of)}, nil)
		}
	}
}

// sendWrites is the journal's startFlush: it repeats the last write of a run if that has
// failed, and otherwise writes what its step has done.
func (v *moves) sendWrites(e, r int) {
	run := v.from.engines[e].runs[r]
	write := func(healthy bool, what string, done int8, end status) {
		st := statement{
			kind: write, owner: int8(e + 1), job: run.job, attempt: run.attempt,
			base: run.base, done: done, number: run.number + 1, end: end,
		}
		v.send(healthy, e, what, st, func(d *database) {
			run := &d.engines[e].runs[r]
			run.done, run.end, run.number = done, end, run.number+1
			if end == failed && !run.dirty {
				d.left.Failures--
			}
		})
	}
	switch last := run.done+1 == int8(v.Steps); {
	case run.end != none:
		write(true, "sends the end again", run.done, run.end)
		return
	case run.dirty:
		write(true, "sends its record again", run.done, none)
	case run.expired: // its step's context has ended
	case last:
		write(true, "its last step is done", run.done+1, succeeded)
	default:
		write(true, "a step is done", run.done+1, none)
	}
	if run.number == 0 {
		write(true, "its first step begins", run.done, none)
	}
	switch {
	case run.expired:
		write(true, "hands the job over", run.done, scheduled)
	case v.from.jobs[run.job-1].cancel:
		write(true, "has noticed the cancel request", run.done, cancelled)
	case v.from.left.Failures > 0 && !run.dirty:
		write(false, "its step fails", run.done, failed)
	}
}

// renew is store.Renew by lease.Renewer: an expired lease is renewed too, as long as its run
// has not been settled.
func (v *moves) renew(e int) {
	for of := range v.Types {
		l := v.from.locks[of]
		if l.owner == int8(e+1) && l.job != 0 && !l.valid && v.runs(e, of) {
			v.can(true, say("engine %d renews its lease of type %d", e+1, of+1), func(d *database) { d.locks[of].valid = true })
		}
	}
}

// runs reports whether an engine has a run of a type.
func (v *moves) runs(e, of int) bool {
	for _, run := range v.from.engines[e].runs {
		if run.job != 0 && v.typeOf(run.job) == of {
			return true
		}
	}
	return false
}

func (v *moves) scheduledOf(of int) []int8 {
	return (&database{Model: v.Model, state: v.from}).scheduledOf(of)
}
