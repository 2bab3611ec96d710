package plan

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is the error that [Guard] returns for host code that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

var errExited = errors.New("the step ended its goroutine (runtime.Goexit, or a test's FailNow) instead of returning")

// Guard calls fn, which is the host's code, in a new goroutine, waits until it has
// returned, and returns its error: a [PanicError] if fn panicked, and otherwise an error
// with the same text whose methods are not the host's. Of the errors that it wrapped, only
// the reasons in this package and the errors of package context remain.
func Guard(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errExited
		defer func() {
			if value := recover(); value != nil {
				err = &PanicError{Value: value, Stack: debug.Stack()}
			}
			done <- err
		}()
		err = snapshot(fn())
	}()
	return <-done
}

// errorSnapshot holds the text of a host's error and the known errors that it wraps. They
// are read in the goroutine that called the host, since the error's methods may panic.
type errorSnapshot struct {
	text string
	is   []error
}

func (e *errorSnapshot) Error() string   { return e.text }
func (e *errorSnapshot) Unwrap() []error { return e.is }

func snapshot(err error) error {
	if err == nil {
		return nil
	}
	out := &errorSnapshot{text: err.Error()}
	for _, known := range []error{ErrCancelled, ErrShutdown, ErrLeaseLost, ErrTimeout, ErrGroupFailed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			out.is = append(out.is, known)
		}
	}
	return out
}

// WithReason returns a step's error as it is recorded. If the step's context ended because
// its time was up or its group failed, that is the recorded error, since it says more than
// what the step returned because of it. The error of a panic stays.
func WithReason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.As(err, new(*PanicError)):
		return err
	case errors.Is(cause, ErrTimeout), errors.Is(cause, ErrGroupFailed) && errors.Is(err, context.Canceled):
		return &causedError{cause, err}
	default:
		return err
	}
}

// causedError says why a step's context ended, and wraps what the step returned.
type causedError struct{ cause, err error }

func (e *causedError) Error() string   { return e.cause.Error() }
func (e *causedError) Unwrap() []error { return []error{e.cause, e.err} }
