package store

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Write is what a run has to put into its row. It takes effect only if the row
// is still processing under the same attempt, and no later write of the run has:
// the fence.
type Write struct {
	JobID   uuid.UUID
	Type    string
	Attempt int64
	// Number is greater than that of any write which the run has sent before. One
	// that was given up and repeated may reach the database at last, and must not
	// take back what was written since: it takes no effect after a later one.
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
	TimeToCompleteSource string
	Progressed           bool // the job has got further since the last write

	// End, if not empty, ends the run: the job's status becomes that one, and
	// its type is free for the next job.
	End   model.Status
	Error string
	// WakeAt is when a run that ends as scheduled is due, if it waits for
	// something: at once, if the job has more signals than Signals by now.
	WakeAt  model.Time
	Signals int
	// Children are jobs to be inserted with this write, if it takes effect.
	Children []*model.Job
	// OnCancel is what a cancel request on the row makes of a failed or
	// scheduled end.
	OnCancel OnCancel
}

// OnCancel is what a cancel request makes of the end of a run.
type OnCancel int

const (
	// CancelEnds has the job be cancelled.
	CancelEnds OnCancel = iota
	// CancelDue has a scheduled job be due at once, so that its handler can see
	// to the request; a failed one stays that.
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

// WriteIn is Flush of one write, of a run that goes on, within the caller's
// transaction. It reports whether the row is still the run's.
func (s *Store) WriteIn(ctx context.Context, tx bun.Tx, write Write) (Ack, bool, error) {
	acks, err := s.update(ctx, tx, []Write{write})
	ack, ok := acks[write.JobID]
	return ack, ok, err
}

// Recorded reports whether a job's row is still a run's, and what its document
// and checkpoint are, once no transaction is left that might still change them.
func (s *Store) Recorded(ctx context.Context, id uuid.UUID, attempt int64) (document json.RawMessage, mine bool, err error) {
	var rows []struct {
		Data json.RawMessage `bun:"data"`
	}
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// Touching the row waits for whoever has locked it.
		if _, err := tx.NewRaw(s.sql("UPDATE job_system_jobs SET heartbeat_at = {now} WHERE id = ? AND attempt = ? AND status = 'processing'"), id.String(), attempt).Exec(ctx); err != nil {
			return err
		}
		return tx.NewRaw("SELECT j.data FROM job_system_jobs j WHERE j.id = ? AND j.attempt = ? AND j.status = 'processing'", id.String(), attempt).Scan(ctx, &rows)
	})
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	return rows[0].Data, true, nil
}
