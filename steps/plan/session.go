package plan

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// Session is the engine's side of a steps.Run. Engines implement it, safe for
// concurrent use; steps use Run.
type Session interface {
	// Job is the job's row as it was claimed.
	Job() *model.Job
	// Attempt is the number of the step's attempt, from 1.
	Attempt() int
	// BegunAs is the name under which the step first began, of which its
	// idempotency key is made.
	BegunAs() string
	// Progress takes a fraction of 0 to 1, or a negative one for "unchanged".
	Progress(fraction float64, format string, args []any)
	// Remaining takes how long the step will still take; negative takes that back.
	Remaining(left time.Duration)
	// Checkpoint makes the value durable, or returns why the step is to stop.
	Checkpoint(ctx context.Context, value json.RawMessage) error
	// LastCheckpoint is the last checkpoint of an earlier attempt, nil if there is
	// none.
	LastCheckpoint() json.RawMessage
	// Output is the recorded output of a completed step, as Read returns it.
	Output(step string) (json.RawMessage, bool)
	// SetResult sets what the job ends with.
	SetResult(result json.RawMessage) error
}
