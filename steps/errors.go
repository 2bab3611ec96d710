package steps

import "errors"

// The reasons for which a step's context ends, as [context.Cause] gives them.
var (
	// ErrCancelled: somebody asked for the job to be cancelled. The job becomes
	// cancelled once the step has returned.
	ErrCancelled = errors.New("job cancelled")
	// ErrShutdown: the engine is stopping and its grace period is over. The
	// job goes back to scheduled and continues elsewhere.
	ErrShutdown = errors.New("engine shutting down")
	// ErrLeaseLost: another engine may run this job by now. Nothing that this
	// run still writes is kept.
	ErrLeaseLost = errors.New("lease lost")
	// ErrTimeout: the step or the job has taken longer than its definition
	// allows, or what it waits for has not come in time.
	ErrTimeout = errors.New("timed out")
	// ErrGroupFailed: another member of the step's group has failed. The step
	// runs again when the job is resumed.
	ErrGroupFailed = errors.New("another step of the group failed")
)
