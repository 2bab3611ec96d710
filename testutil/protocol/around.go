package protocol

// lock adds what may happen to a type's lock beside the statements of its runs.
func (v *moves) lock(of int) {
	l := v.from.locks[of]
	if l.job == 0 {
		return
	}
	if l.valid && v.Walls.stand(Lease) && (!v.Alike || !v.works(l)) {
		v.can(!v.lives(l), say("the lease of type %d expires", of+1), func(d *database) { d.locks[of].valid = false })
	}
	if !l.valid {
		for _, outcome := range []status{failed, scheduled} {
			v.can(true, say("another engine settles the run of job %d, attempt %d: %s", l.job, l.attempt, outcome), func(d *database) {
				d.settle(l.job, l.attempt, outcome)
				d.locks[of] = lock{}
			})
		}
	}
	if v.from.left.Deleted > 0 {
		v.can(false, say("another program deletes the lock row of type %d", of+1), func(d *database) {
			d.left.Deleted--
			d.locks[of] = lock{}
		})
	}
}

// lives reports whether the engine of the run that a lock covers renews it.
func (v *moves) lives(l lock) bool {
	if l.owner > int8(v.Engines) || l.owner == 0 || !v.from.engines[l.owner-1].up {
		return false
	}
	engine := &v.from.engines[l.owner-1]
	return engine.find(l.job, l.attempt) != nil || engine.certainty != certain || engine.waits.kind != noStatement
}

// works reports whether a step of the run that a lock covers may be running.
func (v *moves) works(l lock) bool {
	for e := range v.Engines {
		if v.Walls.stand(Guard) && v.from.engines[e].up {
			if r := v.from.engines[e].find(l.job, l.attempt); r != nil && r.works() {
				return true
			}
		}
	}
	return false
}

// works reports whether a run's step may be running: not after its guard has ended it, or
// its end was sent.
func (r *run) works() bool { return r.job != 0 && !r.expired && r.end == none }

// people adds what happens to a job from outside, and to one that no lock covers.
func (v *moves) people(n int8) {
	j := v.from.jobs[n-1]
	if v.from.left.Cancels > 0 && !j.cancel && (j.status == scheduled || j.status == processing) {
		v.can(false, say("a person requests the cancel of job %d", n), func(d *database) {
			d.left.Cancels--
			d.jobs[n-1].cancel = true
			if j.status == scheduled {
				d.jobs[n-1].status = cancelled
			}
		})
	}
	if v.from.left.Resumes > 0 && (j.status == failed || j.status == cancelled) {
		v.can(false, say("a person resumes job %d", n), func(d *database) {
			d.left.Resumes--
			d.jobs[n-1].status, d.jobs[n-1].cancel = scheduled, false
		})
	}
	if j.status == processing && !v.from.locks[v.typeOf(n)].covers(n, j.attempt) && v.Walls.stand(Lease) {
		v.can(true, say("the sweeper settles job %d, attempt %d, which no lock covers", n, j.attempt), func(d *database) { d.settle(n, j.attempt, failed) })
	}
}
