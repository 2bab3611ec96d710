package plan

import "errors"

// The reasons why a step's context ends; package steps documents them.
var (
	ErrCancelled   = errors.New("job cancelled")
	ErrShutdown    = errors.New("engine shutting down")
	ErrLeaseLost   = errors.New("lease lost")
	ErrTimeout     = errors.New("timed out")
	ErrGroupFailed = errors.New("another step of the group failed")
)

var (
	// ErrDrift means that a job's records do not fit the definition.
	ErrDrift = errors.New("the recorded steps do not fit the definition")
	// ErrInvalid means that the caller asked for something that cannot be done.
	ErrInvalid = errors.New("invalid")
)
