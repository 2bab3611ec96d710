package plan

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Session is the engine's side of a steps.Run. Engines implement it; steps call it through
// their Run. It must be safe for concurrent use.
type Session interface {
	// Job returns the job's row as it was claimed.
	Job() *model.Job
	// Attempt returns the number of the step's attempt, from 1.
	Attempt() int
	// BegunAs returns the name under which the step first began, which is part of its
	// idempotency key.
	BegunAs() string
	// Progress sets the step's progress: a fraction from 0 to 1, or a negative one to
	// leave it unchanged, and a message, or an empty format to leave that unchanged.
	Progress(fraction float64, format string, args []any)
	// Size sets how much the step has to do, in the unit of its progress. It is called
	// when that changes.
	Size(total float64)
	// Remaining sets how long the step will still take; a negative value withdraws the
	// estimate.
	Remaining(left time.Duration)
	// Checkpoint makes the value durable, or returns why the step must stop.
	Checkpoint(ctx context.Context, value json.RawMessage) error
	// LastCheckpoint returns the last checkpoint of an earlier attempt, nil if there is
	// none.
	LastCheckpoint() json.RawMessage
	// Output returns the recorded output of a completed step, as the step's Read
	// returns it, and false if there is none.
	Output(step string) (json.RawMessage, bool)
	// ChildResults returns the results of jobs that a step has enqueued, as their rows
	// have them; none for a job without one.
	ChildResults(ctx context.Context, jobs []uuid.UUID) (map[uuid.UUID]json.RawMessage, error)
	// SetResult sets the job's result.
	SetResult(result json.RawMessage) error
}
