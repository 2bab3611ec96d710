package store

import (
	"cmp"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Write is what a run writes to its row. It takes effect only if the row is still
// processing under the same attempt, and no later write of the run has taken
// effect: the fence.
type Write struct {
	JobID   uuid.UUID
	Type    string
	Attempt int64
	// Number is greater than that of any write which the run has sent before. A
	// write that was given up and repeated may reach the database at last, and must
	// not undo what was written since: it takes no effect after a later one.
	Number int64

	// Document replaces the whole data column, if not nil; otherwise Patches
	// change parts of it.
	Document json.RawMessage
	Patches  []Patch

	SetCheckpoints bool
	Checkpoints    json.RawMessage // nil clears it

	Progress             float64
	Message              string
	TimeToCompleteMS     *int64
	TimeToCompleteP90MS  *int64
	TimeToCompleteSource string
	Progressed           bool // the job has made progress since the last write

	// End, if not empty, ends the run: the job's status becomes that one, and
	// its type is free for the next job.
	End   model.Status
	Error string
	// WakeAt is when the job of a run that ends as scheduled is due, if it waits for
	// something: at once, if the job has more signals than Signals by now.
	WakeAt  model.Time
	Signals int
	// LeftUntil is set for a job that this engine leaves to those with another definition
	// until then; any other write of a run takes such a time away.
	LeftUntil model.Time
	// FreesType says that the next job of the type is not claimed together with the end
	// of this run, so that other engines can claim one as well.
	FreesType bool
	// Children are jobs that are inserted with this write, if it takes effect.
	Children []*model.Job
	// OnCancel is what a cancel request on the row does to an end as failed or
	// scheduled.
	OnCancel OnCancel
	// Decided says that the end takes the job's decision into account. Without it, an
	// end as succeeded or failed of a job that has one takes no effect.
	Decided bool
}

// status is what the job's status becomes.
func (w Write) status() model.Status { return cmp.Or(w.End, model.Processing) }

// OnCancel is what a cancel request does to the end of a run.
type OnCancel int

const (
	// CancelEnds makes the job cancelled.
	CancelEnds OnCancel = iota
	// CancelDue makes a scheduled job due at once, so that its handler can see to
	// the request; a failed job stays failed.
	CancelDue
	// CancelWaits leaves the job as it is: its handler has seen the request.
	CancelWaits
)

// Path is a place in the data document: a key of the object, or with an Index
// of 0 or more, an element of the array under that key.
type Path struct {
	Key   string
	Index int
}

// Patch puts Value at Path. Applying it twice is the same as once.
type Patch struct {
	Path  Path
	Value json.RawMessage
}

// Ack says that a write took effect, and whether its row has a cancel request and a
// decision.
type Ack struct {
	JobID     uuid.UUID `bun:"id"`
	Cancelled bool      `bun:"cancelled"`
	Decided   bool      `bun:"decided"`
}

// MaxBatch is the most writes that one Flush takes.
const MaxBatch = 200

// Flushed is the outcome of a Flush.
type Flushed struct {
	// Acks has an entry for each write that took effect. The fence kept out a write
	// without one: its row is no longer its run's.
	Acks map[uuid.UUID]Ack
	// Next are the jobs claimed for the types of ended runs.
	Next []*model.Job
}
