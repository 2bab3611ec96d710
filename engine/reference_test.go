package engine_test

import (
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// stepKind is a step of a random definition.
type stepKind struct {
	weight   float64
	group    int // 0 for none; neighbours of one number run together
	inTx     bool
	attempts int  // Retry, 0 for none
	fails    int  // the first calls that fail, over all runs
	when     bool // has a condition
	wanted   bool // what that says
	undo     bool
}

// reference predicts what becomes of a job: what the documentation promises, in
// few words, and nothing of how it is done.
type reference struct {
	steps         []stepKind
	resumeOnCrash int

	status   model.Status
	done     []model.StepStatus // completed, skipped, undone; anything else is empty
	tried    []bool             // the step has begun: its condition is not asked for again
	taken    []bool             // it was undone, and has not completed again
	failures []int              // failed attempts since a person resumed the job
	calls    []int              // of each step's function
	undone   []int              // how often
	crashes  int
}

func newReference(steps []stepKind, resumeOnCrash int) *reference {
	n := len(steps)
	return &reference{
		steps: steps, resumeOnCrash: resumeOnCrash, status: model.Scheduled,
		done: make([]model.StepStatus, n), tried: make([]bool, n), taken: make([]bool, n), failures: make([]int, n), calls: make([]int, n), undone: make([]int, n),
	}
}

// place is a moment of a run that something can happen at: before a step's
// function is called, when it has returned well, or after its record.
type place struct {
	step int
	at   string // "before", "returned" or "recorded"
	by   int    // the step that has begun by then
}

// run is a run up to the first place that stop names, or to the job's end.
func (r *reference) run(stop func(place) bool) {
	r.status = model.Processing
	last := -1 // the step just before, if this run has recorded it
	for i := range r.steps {
		kind := &r.steps[i]
		if r.done[i] == model.StepCompleted || r.done[i] == model.StepSkipped {
			last = -1
			continue
		}
		asked := kind.when && !r.tried[i]
		// The harness sees a step in a transaction as it asks for the condition, and
		// other ones as they are called.
		seen := kind.group == 0 && (!kind.inTx && !(asked && !kind.wanted) || kind.inTx && !r.tried[i])
		if !kind.inTx && r.done[i] == model.StepUndone {
			r.done[i] = "" // it begins
		}
		if seen && (last >= 0 && stop(place{last, "recorded", i}) || stop(place{i, "before", i})) {
			return
		}
		if last = -1; asked && !kind.wanted {
			r.done[i] = model.StepSkipped
			continue
		}
		r.done[i] = ""
		r.tried[i] = true
		if !r.attempts(i) {
			r.end(model.Failed)
			return
		}
		if kind.group == 0 && !kind.inTx && stop(place{i, "returned", i}) {
			return
		}
		if r.complete(i); kind.group == 0 {
			last = i
		}
	}
	r.end(model.Succeeded)
}

// attempts calls a step until it returns well, or has failed for good.
func (r *reference) attempts(i int) bool {
	for {
		r.calls[i]++
		if r.calls[i] > r.steps[i].fails {
			return true
		}
		if r.failures[i]++; r.failures[i] >= max(1, r.steps[i].attempts) {
			return false
		}
	}
}

func (r *reference) complete(i int) {
	r.done[i], r.failures[i], r.taken[i] = model.StepCompleted, 0, false
}

// end ends the job. One that fails or is cancelled undoes its completed steps.
func (r *reference) end(status model.Status) {
	if r.status = status; status == model.Succeeded {
		return
	}
	for i := range r.steps {
		if r.steps[i].undo && r.done[i] == model.StepCompleted {
			r.done[i], r.taken[i] = model.StepUndone, true
			r.undone[i]++
		}
	}
}

// undoes reports whether the job has completed steps that can be undone.
func (r *reference) undoes() bool {
	for i := range r.steps {
		if r.steps[i].undo && r.done[i] == model.StepCompleted {
			return true
		}
	}
	return false
}

// isLast reports whether no step is left behind this one.
func (r *reference) isLast(i int) bool {
	for k := i + 1; k < len(r.steps); k++ {
		if r.done[k] != model.StepCompleted && r.done[k] != model.StepSkipped {
			return false
		}
	}
	return true
}

// kill is a process that dies at that place.
func (r *reference) kill(at place) {
	r.run(func(p place) bool { return p == at })
	if r.crashes < r.resumeOnCrash {
		r.crashes++
		r.status = model.Scheduled
		return
	}
	r.status = model.Failed // nothing is undone: a person resumes it
}

// interrupt is a run that is stopped, or cancelled, at that place: a function that
// has returned well counts, and one that has not says that its context ended.
func (r *reference) interrupt(at place, end model.Status) {
	r.run(func(p place) bool { return p == at })
	if at.at == "returned" {
		if r.complete(at.step); r.isLast(at.step) {
			r.end(model.Succeeded)
			return
		}
	}
	if r.status = end; end != model.Scheduled {
		r.end(end)
	}
}

// resume puts the job back, and returns what its progress may have fallen to: that
// of undone steps is to be made again.
func (r *reference) resume(progress float64) float64 {
	r.status, r.crashes = model.Scheduled, 0
	clear(r.failures)
	if slices.Contains(r.taken, true) {
		return r.share()
	}
	return progress
}

func (r *reference) restart() {
	fresh := newReference(r.steps, r.resumeOnCrash)
	fresh.calls, fresh.undone = r.calls, r.undone
	*r = *fresh
}

// share is the part of the steps' weights that is done.
func (r *reference) share() float64 {
	sum, done := 0.0, 0.0
	for i := range r.steps {
		sum += r.steps[i].weight
		if r.done[i] == model.StepCompleted || r.done[i] == model.StepSkipped {
			done += r.steps[i].weight
		}
	}
	return done / sum
}

// places are those that a run from here on would come by.
func (r *reference) places() (all []place) {
	ahead := *r
	ahead.done, ahead.tried, ahead.failures = slices.Clone(r.done), slices.Clone(r.tried), slices.Clone(r.failures)
	ahead.taken = slices.Clone(r.taken)
	ahead.calls, ahead.undone = slices.Clone(r.calls), slices.Clone(r.undone)
	ahead.run(func(p place) bool { all = append(all, p); return false })
	return all
}
