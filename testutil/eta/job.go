package eta

import "time"

// Job is a job of which all times are known.
type Job struct {
	Phases []Phase
}

// Phase is one phase of a [Job].
type Phase struct {
	Name   string
	Weight float64
	Items  []time.Duration // how long each item takes
	Usual  time.Duration   // how long an item takes on average, in all jobs
	Silent bool            // it does not report its items
}

// Total returns how long the phase takes.
func (p Phase) Total() (total time.Duration) {
	for _, item := range p.Items {
		total += item
	}
	return total
}

// Total returns how long the job takes.
func (j Job) Total() (total time.Duration) {
	for _, phase := range j.Phases {
		total += phase.Total()
	}
	return total
}

// Work returns how much of the job is done at a time: how long the items that are done take on
// average.
func (j Job) Work(at time.Duration) (work time.Duration) {
	for _, phase := range j.Phases {
		for _, item := range phase.Items {
			if at < item {
				return work
			}
			at, work = at-item, work+phase.Usual
		}
	}
	return work
}

// Estimator watches a job and estimates its remaining time. All times are since the job's
// begin.
type Estimator interface {
	// Begin begins a phase. items is its number of items, which only some programs know.
	Begin(phase, items int, now time.Duration)
	// Item reports that so many items of the phase are done.
	Item(phase, done, items int, now time.Duration)
	// End ends a phase.
	End(phase int, now time.Duration)
	// Remaining returns the estimate; false if there is none.
	Remaining(now time.Duration) (time.Duration, bool)
}

// Run runs a job for an estimator, and calls look at each of the given times, which ascend.
func (j Job) Run(e Estimator, looks []time.Duration, look func(at time.Duration)) {
	now := time.Duration(0)
	lookUntil := func(end time.Duration) {
		for len(looks) > 0 && looks[0] <= end {
			look(looks[0])
			looks = looks[1:]
		}
	}
	for i, phase := range j.Phases {
		e.Begin(i, len(phase.Items), now)
		for done, item := range phase.Items {
			lookUntil(now + item - 1)
			now += item
			if !phase.Silent {
				e.Item(i, done+1, len(phase.Items), now)
			}
		}
		e.End(i, now)
	}
	lookUntil(now)
}
