package protocol

import "fmt"

// database applies the effects of statements to a state. Broken is the promise that one of
// them has broken.
type database struct {
	*Model
	*state
	Broken string
}

func (d *database) breaks(format string, args ...any) {
	if d.Broken == "" {
		d.Broken = fmt.Sprintf(format, args...)
	}
}

// scheduledOf returns the jobs of a type that may be claimed.
func (d *database) scheduledOf(of int) (jobs []int8) {
	for i := range d.Jobs {
		if j := int8(i + 1); d.typeOf(j) == of && d.jobs[i].status == scheduled {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// processes reports whether a job of the type is processing.
func (d *database) processes(of int) bool {
	for i := range d.Jobs {
		if d.typeOf(int8(i+1)) == of && d.jobs[i].status == processing {
			return true
		}
	}
	return false
}

// start moves a job to processing, unless the unique index rejects that.
func (d *database) start(n int8) (b begun, rejected bool) {
	if d.Walls.stand(UniqueIndex) && d.processes(d.typeOf(n)) {
		return begun{}, true
	}
	j := &d.jobs[n-1]
	j.status, j.attempt, j.writes = processing, j.attempt+1, 0
	return begun{n, j.attempt, j.done}, false
}

// claim is the effect of a claim of a job: the first half of it if it is in two
// transactions.
func (d *database) claim(st *statement, n int8) {
	of := int(st.of)
	switch {
	case st.half:
		d.assign(st.owner, of, st.begun[of])
		st.half = false
	case n == 0 || d.locks[of].job != 0: // another engine was faster: nothing is claimed
	default:
		b, rejected := d.start(n)
		if rejected {
			return
		}
		st.begun[of] = b
		if st.half = !d.Walls.stand(OneTransaction); !st.half {
			d.assign(st.owner, of, b)
		}
	}
}

func (d *database) assign(owner int8, of int, b begun) {
	d.locks[of] = lock{owner: owner, job: b.job, attempt: b.attempt, valid: true}
}

// flush is the effect of a write of a run. If the write ends the run, the type's lock is
// assigned to the job next, or freed if that is 0.
func (d *database) flush(st *statement, next int8) {
	j := &d.jobs[st.job-1]
	takenOver := j.status != processing || j.attempt != st.attempt
	if takenOver && d.Walls.stand(Fence) || j.writes > st.number && d.Walls.stand(Order) {
		return
	}
	st.met = true
	if takenOver {
		d.breaks("a run that was taken over writes into job %d", st.job)
	}
	if st.done < j.done {
		d.breaks("the record of a completed step of job %d is lost", st.job)
	}
	for i := st.base; i < st.done; i++ {
		if i < j.done && j.makers[i] != st.attempt {
			d.breaks("step %d of job %d is recorded by two attempts", i+1, st.job)
		}
		j.makers[i] = st.attempt
	}
	j.done, j.writes = st.done, st.number
	if st.end != none {
		j.status = st.end
		if st.end != succeeded && j.cancel {
			j.status = cancelled
		}
		d.assignLocks(st, next)
	}
}

// assignLocks frees the lock of an ended run, or assigns it to the type's next job.
func (d *database) assignLocks(st *statement, next int8) {
	of := d.typeOf(st.job)
	l := &d.locks[of]
	if !l.covers(st.job, st.attempt) {
		return
	}
	held := l.owner == st.owner
	*l = lock{}
	if next == 0 || !held {
		return
	}
	if b, rejected := d.start(next); !rejected {
		st.begun[of] = b
		d.assign(st.owner, of, b)
	}
}

// owned renews an engine's leases, and returns the jobs that its locks cover.
func (d *database) owned(st *statement) {
	for of := range d.Types {
		l := &d.locks[of]
		if l.owner != st.owner || l.job == 0 {
			continue
		}
		l.valid = true
		if j := d.jobs[l.job-1]; j.status == processing && j.attempt == l.attempt {
			st.begun[of] = begun{l.job, l.attempt, j.done}
		}
	}
}

// settle ends the run of a dead engine.
func (d *database) settle(n, attempt int8, outcome status) {
	j := &d.jobs[n-1]
	if j.status != processing || j.attempt != attempt {
		return
	}
	if j.status = outcome; j.cancel {
		j.status = cancelled
	}
}
