package engine

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Conditions that callers test for with [errors.Is].
var (
	// ErrNotFound: there is no such job.
	ErrNotFound = errors.New("job not found")
	// ErrStatus: the job's status does not allow this; the error is a
	// [StatusError], which has the status.
	ErrStatus = errors.New("not possible in the job's status")
	// ErrDeleted: the job was deleted while it was scheduled, and never ends.
	ErrDeleted = errors.New("job was deleted")
	// ErrInvalid: what the caller gave cannot be used. Nothing was written.
	ErrInvalid = plan.ErrInvalid
	// ErrDrift: a job's recorded steps do not fit the definition that is registered
	// for its type; the error names them. Nothing was written.
	ErrDrift = plan.ErrDrift
	// ErrNotMigrated: the database lacks the tables or some of their columns.
	ErrNotMigrated = errors.New("tables are missing")
	// ErrAlreadyRunning: the engine has been started already.
	ErrAlreadyRunning = errors.New("engine has been started")

	// ErrCancelled, ErrShutdown and ErrLeaseLost are the causes with which a
	// step's context ends.
	ErrCancelled = steps.ErrCancelled
	ErrShutdown  = steps.ErrShutdown
	ErrLeaseLost = steps.ErrLeaseLost
)

// StatusError says that a job's status does not allow what was asked for. It
// is an [ErrStatus].
type StatusError struct {
	ID     uuid.UUID
	Status model.Status
	Op     string // what was asked for: "cancel"
	Hint   string // what to do
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s job %s: it is %s; %s", e.Op, e.ID, e.Status, e.Hint)
}

// Is makes the error an [ErrStatus].
func (e *StatusError) Is(target error) bool { return target == ErrStatus }

// InDoubtError says that a resume has to tell what becomes of a step in whose
// middle the process died: see [steps.StopOnCrash], [RerunFrom] and [SkipStep]. It comes
// with an [ErrInvalid].
type InDoubtError = plan.InDoubtError

// NotDoneError says that [RerunFrom] cannot go back to a step, since one before it is
// not done. It comes with an [ErrInvalid].
type NotDoneError = plan.NotDoneError

func notFound(doing string, id uuid.UUID) error {
	return fmt.Errorf("%s job %s: %w", doing, id, ErrNotFound)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}
