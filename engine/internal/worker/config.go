package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// Config is what a worker needs. All fields are set, but for those that say otherwise.
type Config struct {
	Store     *store.Store
	Owner     store.Owner
	Heartbeat time.Duration
	Poll      time.Duration
	Grace     time.Duration
	// RetryInPlace is the longest delay before another attempt of a step during
	// which its job stays processing.
	RetryInPlace time.Duration
	// MaxRunning bounds the jobs that run at once; 0 is one for each type.
	MaxRunning int
	Limits     Limits
	Listener   Listener // nil for none
	Log        *slog.Logger
	Redact     model.Redactor // of errors in the log; nil for none
	Handlers   map[string]Handler
	Jobs       Jobs
}

// Jobs is what a run does with other jobs.
type Jobs interface {
	// New returns a job for [store.Write.Children], checked and not written.
	New(input steps.Input, name string) (*model.Job, error)
	// Resume has a job go on that has failed or was cancelled, and leaves
	// others as they are.
	Resume(ctx context.Context, id uuid.UUID) error
	// Cancel asks for a job to be cancelled unless it has ended.
	Cancel(ctx context.Context, id uuid.UUID, by, reason string) error
	// WakeParent makes a job due that waits for children which have all ended.
	WakeParent(ctx context.Context, parent uuid.UUID) error
}

// Limits bound what a job may put into its row.
type Limits struct {
	Output  int // bytes of one step's output, checkpoint or result
	Data    int // bytes of the data document
	Steps   int
	Message int // characters; longer ones are cut
	Error   int // characters; longer ones are cut
}

// Handler is a definition and what its jobs' contexts are made with.
type Handler struct {
	steps.Handler
	// Context makes the context of a job's steps; nil leaves it as it is.
	Context func(context.Context, *model.Job) (context.Context, error)
}
