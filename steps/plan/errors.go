package plan

import "errors"

// The reasons for which a step's context ends; package steps documents them.
var (
	ErrCancelled   = errors.New("job cancelled")
	ErrShutdown    = errors.New("engine shutting down")
	ErrLeaseLost   = errors.New("lease lost")
	ErrTimeout     = errors.New("timed out")
	ErrGroupFailed = errors.New("another step of the group failed")
)

var (
	// ErrDrift is returned for records that do not fit the definition.
	ErrDrift = errors.New("the recorded steps do not fit the definition")
	// ErrInvalid is returned for what the caller asked for and cannot be done.
	ErrInvalid = errors.New("invalid")
)
