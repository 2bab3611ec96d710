package protocol

import "fmt"

func (st statement) String() string {
	switch st.kind {
	case claim:
		return fmt.Sprintf("claim of type %d", st.of+1)
	case write:
		end := ""
		if st.end != none {
			end = fmt.Sprintf(", %s", st.end)
		}
		return fmt.Sprintf("write of job %d, attempt %d (%d done%s)", st.job, st.attempt, st.done, end)
	default:
		return "reconciliation"
	}
}

// send adds the steps in which an engine sends a statement, after change: the statement
// takes effect now, or it is given up and may take effect later.
func (v *moves) send(healthy bool, e int, what string, st statement, change func(d *database)) {
	if change == nil {
		change = func(*database) {}
	}
	v.effects(st, func(name string, apply func(d *database, st *statement)) {
		v.can(healthy, say("engine %d: %s: the %s%s", e+1, what, st, name), func(d *database) {
			change(d)
			after := st
			apply(d, &after)
			after.base, after.done, after.number = 0, 0, 0 // not used any more
			d.engines[e].waits = after
		})
	})
	if v.from.left.GivenUp > 0 && v.hasRoom() {
		v.can(false, say("engine %d: %s: the %s is given up, and may still arrive", e+1, what, st), func(d *database) {
			d.left.GivenUp--
			change(d)
			d.giveUp(st)
			d.engines[e].waits = st
			d.failed(e)
		})
	}
}

func (v *moves) hasRoom() bool {
	for _, st := range v.from.late {
		if st.kind == noStatement {
			return true
		}
	}
	return false
}

func (d *database) giveUp(st statement) {
	for i := range d.late {
		if d.late[i].kind == noStatement {
			d.late[i] = st
			return
		}
	}
}

// effects calls effect for each way in which a statement may take effect, with its name.
func (v *moves) effects(st statement, effect func(name string, apply func(d *database, st *statement))) {
	free := []int8{}
	switch {
	case st.kind == claim && !st.half:
		free = v.scheduledOf(int(st.of))
	case st.kind == write && st.end != none:
		free = v.scheduledOf(v.typeOf(st.job))
	}
	switch st.kind {
	case claim:
		switch {
		case st.half:
			effect(" writes the lock", func(d *database, st *statement) { d.claim(st, 0) })
		case len(free) == 0 || v.from.locks[st.of].job != 0:
			effect(" finds nothing", func(d *database, st *statement) { d.claim(st, 0) })
		default:
			for _, n := range free {
				effect(fmt.Sprintf(" claims job %d", n), func(d *database, st *statement) { d.claim(st, n) })
			}
		}
	case write:
		effect(" takes effect", func(d *database, st *statement) { d.flush(st, 0) })
		for _, n := range free {
			effect(fmt.Sprintf(" takes effect, and claims job %d", n), func(d *database, st *statement) { d.flush(st, n) })
		}
	case reconcile:
		effect(" takes effect", func(d *database, st *statement) { d.owned(st) })
	}
}

// lateStatement adds what may happen to a statement that was given up.
func (v *moves) lateStatement(i int) {
	st := v.from.late[i]
	if st.kind == noStatement {
		return
	}
	v.effects(st, func(name string, apply func(d *database, st *statement)) {
		v.can(true, say("late: the %s%s", st, name), func(d *database) {
			if apply(d, &d.late[i]); !d.late[i].half || st.half {
				d.late[i] = statement{}
			}
		})
	})
	v.can(true, say("late: the %s never arrives", st), func(d *database) { d.late[i] = statement{} })
}

// waiting adds what may happen to the statement for whose answer an engine waits.
func (v *moves) waiting(e int) {
	st := v.from.engines[e].waits
	if st.half {
		v.can(true, say("engine %d: its claim writes the lock", e+1), func(d *database) { d.claim(&d.engines[e].waits, 0) })
		return
	}
	v.deliver(e)
	if v.from.left.Lost > 0 {
		v.can(false, say("engine %d: the answer to its %s is lost", e+1, st), func(d *database) { d.left.Lost--; d.failed(e) })
	}
}

// failed is the journal's flushFailed and MarkClaimUncertain: what an engine does after a
// statement whose outcome it does not know.
func (d *database) failed(e int) {
	engine := &d.engines[e]
	st := engine.waits
	engine.waits = statement{}
	switch st.kind {
	case write:
		if r := engine.find(st.job, st.attempt); r != nil {
			r.dirty = true
		}
		if st.end != none {
			engine.certainty = mustReconcile
		}
	case claim, reconcile:
		engine.certainty = mustReconcile
	}
}

func (e *engine) find(job, attempt int8) *run {
	for r := range e.runs {
		if e.runs[r].job == job && e.runs[r].attempt == attempt {
			return &e.runs[r]
		}
	}
	return nil
}

// deliver adds the arrival of the answer for which an engine waits.
func (v *moves) deliver(e int) {
	st := v.from.engines[e].waits
	arrives := func(how string, after certainty) {
		v.can(true, say("engine %d gets the answer to its %s%s", e+1, st, how), func(d *database) {
			engine := &d.engines[e]
			engine.waits = statement{}
			switch st.kind {
			case write:
				d.written(engine, st)
			case reconcile:
				engine.certainty = after
			}
			for _, b := range st.begun {
				if b.job != 0 {
					d.begin(e, b)
				}
			}
		})
	}
	if st.kind == reconcile {
		arrives(", and may reconcile again", mayReconcile)
	}
	arrives("", certain)
}

// written is the journal's Finish of a write, with its fenced if the row was no longer the
// run's. Then an earlier try may have taken effect.
func (d *database) written(engine *engine, st statement) {
	r := engine.find(st.job, st.attempt)
	if r == nil {
		return
	}
	row := d.jobs[st.job-1]
	switch ended := row.status == st.end || row.status == cancelled; {
	case st.met && st.end == none:
		r.dirty = false
		return
	case !st.met && st.end != none && r.dirty && row.attempt == st.attempt && ended:
		engine.certainty = mustReconcile
	}
	*r = run{}
}

// begin begins a claimed run, unless the engine has it already.
func (d *database) begin(e int, b begun) {
	engine := &d.engines[e]
	if engine.find(b.job, b.attempt) != nil {
		return
	}
	r := engine.find(0, 0)
	if r == nil {
		r = &engine.runs[0] // one that was taken over: at most one is not
	}
	// Its guard counts from when the claim was sent: if the lease has expired already, the
	// guard ends the run at once.
	l := d.locks[d.typeOf(b.job)]
	late := d.Walls.stand(Guard) && d.Alike && (!l.covers(b.job, b.attempt) || !l.valid)
	*r = run{job: b.job, attempt: b.attempt, base: b.done, done: b.done, expired: late}
}
