package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/ntxdev/jobsystem/steps"
)

// PanicError is the error of a step that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

var errExited = errors.New("the step ended its goroutine (runtime.Goexit, or a test's FailNow) instead of returning")

// guard calls fn in a goroutine and returns its error: a [PanicError] if it
// panicked, and otherwise one that can be read without running foreign code.
func guard(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errExited
		defer func() {
			if value := recover(); value != nil {
				err = &PanicError{Value: value, Stack: debug.Stack()}
			}
			done <- err
		}()
		err = settled(fn())
	}()
	return <-done
}

// settledError is what a step's error said when it was asked, in the step's own
// goroutine: its methods may panic.
type settledError struct {
	text string
	is   []error
}

func (e *settledError) Error() string   { return e.text }
func (e *settledError) Unwrap() []error { return e.is }

func settled(err error) error {
	if err == nil {
		return nil
	}
	out := &settledError{text: err.Error()}
	for _, known := range []error{steps.ErrCancelled, steps.ErrShutdown, steps.ErrLeaseLost, steps.ErrTimeout, steps.ErrGroupFailed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			out.is = append(out.is, known)
		}
	}
	return out
}
