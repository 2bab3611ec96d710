package execution

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Config is what runs need. All fields are required, except where noted.
type Config struct {
	Store     *store.Store
	Owner     store.Owner
	Heartbeat time.Duration
	// RetryInPlace is the longest delay before another attempt of a step during
	// which its job stays processing.
	RetryInPlace time.Duration
	// DeployWindow is how long a job that does not fit the definition is left to engines
	// whose definition it fits; 0 for not at all.
	DeployWindow time.Duration
	Limits       plan.Limits
	Log          *slog.Logger
	Redact       model.Redactor // for errors in the log; nil for none
	Handlers     map[string]Handler
	History      *History
	Jobs         Jobs
}

// Jobs is what a run does with other jobs.
type Jobs interface {
	// New returns a job for [store.Write.Children], checked and not written.
	New(input steps.Input, name string) (*model.Job, error)
	// Resume resumes a job that has failed or was cancelled, and does nothing to any
	// other job.
	Resume(ctx context.Context, id uuid.UUID) error
	// Cancel requests the cancel of a job that has not ended.
	Cancel(ctx context.Context, id uuid.UUID, by, reason string) error
	// WakeParent makes a job due if it waits for children and all of them have ended.
	WakeParent(ctx context.Context, parent uuid.UUID) error
}

// Dispatch is what runs need of the dispatcher.
type Dispatch interface {
	// Due says that there may be a due job of these types.
	Due(types ...string)
	// Ended says that a run has ended, and whether the next job of its type was
	// claimed with that end.
	Ended(claimedNext bool)
	// Leave says that the job is left to other engines for that time.
	Leave(jobType string, id uuid.UUID, howLong time.Duration)
	// Shares reports whether other engines must get a chance to claim a job of the type
	// when one ends here.
	Shares(jobType string) bool
}

// Handler is a definition, with the function that makes the contexts of its jobs.
type Handler struct {
	steps.Handler
	// Context returns the context of a job's steps; nil for the run's own context.
	Context func(context.Context, *model.Job) (context.Context, error)
}

// wakeParent makes a job due if all its children have ended. If that fails, the job checks
// its children itself, within childrenCheckInterval.
func (c *Config) wakeParent(parent uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.Background(), c.Owner.Lease)
	defer cancel()
	if err := c.Jobs.WakeParent(ctx, parent); err != nil {
		c.Log.Warn("cannot wake the parent of a job that has ended; it will check by itself", "parent", parent, "error", err)
	}
}
