package steps

import "github.com/ntxdev/jobsystem/steps/plan"

// The reasons for which a step's context ends, as [context.Cause] gives them.
var (
	// ErrCancelled: somebody asked for the job to be cancelled. The job becomes
	// cancelled once the step has returned.
	ErrCancelled = plan.ErrCancelled
	// ErrShutdown: the engine is stopping and its grace period is over. The
	// job goes back to scheduled and continues elsewhere.
	ErrShutdown = plan.ErrShutdown
	// ErrLeaseLost: another engine may run this job by now. Nothing that this
	// run still writes is kept.
	ErrLeaseLost = plan.ErrLeaseLost
	// ErrTimeout: the step or the job has taken longer than its definition
	// allows, or what it waits for has not come in time.
	ErrTimeout = plan.ErrTimeout
	// ErrGroupFailed: another member of the step's group has failed. The step
	// runs again when the job is resumed.
	ErrGroupFailed = plan.ErrGroupFailed
)
