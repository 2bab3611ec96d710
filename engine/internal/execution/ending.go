package execution

import (
	"math"

	"github.com/ntxdev/jobsystem/model"
)

// ending describes how a run ends.
type ending struct {
	status model.Status
	err    string
	wake   wake // for a job that waits
	// leftUntil is set for a job that is left to engines with another definition until
	// then; err says why.
	leftUntil model.Time
}

// wake describes when and why a job that waits continues, and which jobs are enqueued
// together with that.
type wake struct {
	at       model.Time // when the job is due
	why      string     // what it waits for, for people
	children []*model.Job
	// begin records that the step waits, together with the end; nil if it is recorded.
	// The run's lock is held.
	begin func()
	// signal says that the job waits for a signal: if another one has arrived when the
	// end is written, the job is due at once.
	signal bool
	// cancelled says that a cancel was requested, and that the job waits for its children
	// to end before it becomes cancelled.
	cancelled bool
}

// seenSignals returns how many signals the run has seen: if the row has more, the job is due
// at once.
func (w wake) seenSignals(signals model.Signals) int {
	if !w.signal {
		return math.MaxInt32
	}
	return len(signals)
}
