package engine

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Errors that callers can test for with [errors.Is].
var (
	// ErrNotFound means that there is no such job.
	ErrNotFound = errors.New("job not found")
	// ErrStatus means that the job's status does not allow the operation. The error is a
	// [StatusError], which has the status.
	ErrStatus = errors.New("not possible in the job's status")
	// ErrDeleted: the job was deleted while it was scheduled, and never ends.
	ErrDeleted = errors.New("job was deleted")
	// ErrInvalid means that an argument or the requested operation is invalid. Nothing
	// was written.
	ErrInvalid = plan.ErrInvalid
	// ErrDrift means that a job's recorded steps do not fit the definition that is
	// registered for its type; the error names them. Nothing was written.
	ErrDrift = plan.ErrDrift
	// ErrNotMigrated means that the database lacks the tables or some of their columns.
	ErrNotMigrated = errors.New("tables are missing")
	// ErrAlreadyRunning means that the engine runs already.
	ErrAlreadyRunning = errors.New("engine has been started")

	// ErrCancelled, ErrShutdown and ErrLeaseLost are causes with which a step's context
	// ends; package steps documents them.
	ErrCancelled = steps.ErrCancelled
	ErrShutdown  = steps.ErrShutdown
	ErrLeaseLost = steps.ErrLeaseLost
)

// StatusError means that a job's status does not allow the operation. It is an
// [ErrStatus].
type StatusError struct {
	ID     uuid.UUID
	Status model.Status
	Op     string // the operation: "cancel"
	Hint   string // what to do instead
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s job %s: it is %s; %s", e.Op, e.ID, e.Status, e.Hint)
}

// Is reports whether target is [ErrStatus].
func (e *StatusError) Is(target error) bool { return target == ErrStatus }

// InDoubtError means that a resume must say whether to run or to skip a step in whose middle
// the process died: see [steps.StopOnCrash], [RerunFrom] and [SkipStep]. It is wrapped
// together with [ErrInvalid].
type InDoubtError = plan.InDoubtError

// NotDoneError means that [RerunFrom] cannot begin with a step, because a step before it is
// not done. It is wrapped together with [ErrInvalid].
type NotDoneError = plan.NotDoneError

func notFound(op string, id uuid.UUID) error {
	return fmt.Errorf("%s job %s: %w", op, id, ErrNotFound)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}
