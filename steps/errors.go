package steps

import "github.com/ntxdev/jobsystem/steps/plan"

// The reasons why a step's context ends. [context.Cause] returns them.
var (
	// ErrCancelled means that a cancel of the job was requested. The job becomes
	// cancelled once the step has returned.
	ErrCancelled = plan.ErrCancelled
	// ErrShutdown means that the engine is stopping and its grace period is over. The
	// job becomes scheduled again and continues in any engine.
	ErrShutdown = plan.ErrShutdown
	// ErrLeaseLost means that another engine may run this job by now. Nothing that this
	// run still writes takes effect.
	ErrLeaseLost = plan.ErrLeaseLost
	// ErrTimeout means that the step or the job has taken longer than its definition
	// allows, or that what the step waits for has not happened in time.
	ErrTimeout = plan.ErrTimeout
	// ErrGroupFailed means that another member of the step's group has failed. The step
	// runs again when the job is resumed.
	ErrGroupFailed = plan.ErrGroupFailed
)
