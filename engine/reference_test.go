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
	wanted   bool // the result of the condition
	undo     bool
}

// reference predicts what happens to a job: what the documentation promises, in few words,
// and independently of how it is done.
type reference struct {
	steps         []stepKind
	resumeOnCrash int

	status    model.Status
	done      []model.StepStatus // completed, skipped, undone; anything else is empty
	tried     []bool             // the step has begun: its condition is not evaluated again
	wasUndone []bool             // it was undone, and has not completed again
	failures  []int              // failed attempts since a person resumed the job
	calls     []int              // of each step's function
	undone    []int              // how often
	crashes   int
}

func newReference(steps []stepKind, resumeOnCrash int) *reference {
	n := len(steps)
	return &reference{
		steps: steps, resumeOnCrash: resumeOnCrash, status: model.Scheduled,
		done: make([]model.StepStatus, n), tried: make([]bool, n), wasUndone: make([]bool, n), failures: make([]int, n), calls: make([]int, n), undone: make([]int, n),
	}
}

// place is a moment of a run at which something can happen: before a step's function is
// called, after it has returned without an error, or after its record.
type place struct {
	step int
	at   string // "before", "returned" or "recorded"
	by   int    // the step that has begun by then
}

// run runs the job up to the first place for which stop returns true, or to its end.
func (r *reference) run(stop func(place) bool) {
	r.status = model.Processing
	last := -1 // the previous step, if this run has recorded it
	for i := range r.steps {
		kind := &r.steps[i]
		if r.done[i] == model.StepCompleted || r.done[i] == model.StepSkipped {
			last = -1
			continue
		}
		asked := kind.when && !r.tried[i]
		// For the harness a step in a transaction begins with the evaluation of its
		// condition, and other steps with the call of their function.
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

// attempts calls a step until it returns without an error, or has failed for good.
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
	r.done[i], r.failures[i], r.wasUndone[i] = model.StepCompleted, 0, false
}

// end ends the job. A job that fails or is cancelled undoes its completed steps.
func (r *reference) end(status model.Status) {
	if r.status = status; status == model.Succeeded {
		return
	}
	for i := range r.steps {
		if r.steps[i].undo && r.done[i] == model.StepCompleted {
			r.done[i], r.wasUndone[i] = model.StepUndone, true
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

// isLast reports whether no step is left after this one.
func (r *reference) isLast(i int) bool {
	for k := i + 1; k < len(r.steps); k++ {
		if r.done[k] != model.StepCompleted && r.done[k] != model.StepSkipped {
			return false
		}
	}
	return true
}

// kill is the death of the process at that place.
func (r *reference) kill(at place) {
	r.run(func(p place) bool { return p == at })
	if r.crashes < r.resumeOnCrash {
		r.crashes++
		r.status = model.Scheduled
		return
	}
	r.status = model.Failed // nothing is undone: a person resumes it
}

// interrupt stops or cancels a run at that place: a function that has returned without an
// error counts, and one that has not returns the error of its context.
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

// resume reschedules the job, and returns the minimum of its progress: the share of undone
// steps is lost.
func (r *reference) resume(progress float64) float64 {
	r.status, r.crashes = model.Scheduled, 0
	clear(r.failures)
	if slices.Contains(r.wasUndone, true) {
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

// places are the places that a run from here on reaches.
func (r *reference) places() (all []place) {
	ahead := *r
	ahead.done, ahead.tried, ahead.failures = slices.Clone(r.done), slices.Clone(r.tried), slices.Clone(r.failures)
	ahead.wasUndone = slices.Clone(r.wasUndone)
	ahead.calls, ahead.undone = slices.Clone(r.calls), slices.Clone(r.undone)
	ahead.run(func(p place) bool { all = append(all, p); return false })
	return all
}
