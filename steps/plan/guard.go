package plan

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is the error of host code that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

var errExited = errors.New("the step ended its goroutine (runtime.Goexit, or a test's FailNow) instead of returning")

// Guard calls fn, the host's code, in a goroutine of its own and returns its error: a
// [PanicError] if it panicked, and otherwise an error whose methods are not the host's.
// Of what the host's error wrapped, only the reasons of this package and those of
// package context remain. Guard waits until fn has returned.
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
		err = snapshotOf(fn())
	}()
	return <-done
}

// errorSnapshot is what a host's error said when it was asked, in the goroutine that
// called the host: its methods may panic.
type errorSnapshot struct {
	text string
	is   []error
}

func (e *errorSnapshot) Error() string   { return e.text }
func (e *errorSnapshot) Unwrap() []error { return e.is }

func snapshotOf(err error) error {
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

// WithReason returns a step's error as it is recorded: that its time was up, or that
// its group has failed, says more than what the step made of that. A panic stays.
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

// causedError says why a step's context ended, and holds what the step returned.
type causedError struct{ cause, err error }

func (e *causedError) Error() string   { return e.cause.Error() }
func (e *causedError) Unwrap() []error { return []error{e.cause, e.err} }
