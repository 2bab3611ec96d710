package plan

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/ntxdev/jobsystem/model"
)

// PanicError is the error that [Guard] returns for host code that panicked. Its text has
// the value, and not the stack: that is for the log and the record.
type PanicError struct {
	text  string
	Stack []byte
}

func (e *PanicError) Error() string { return "panic: " + e.text }

// NewPanicError returns the error of a panic with that value, as recover returned it. Call
// it where the stack is still that of the panic. The value is the host's: of values of
// other types than text, numbers and errors only the type is shown, since writing them
// could go on without an end.
func NewPanicError(value any) *PanicError {
	return &PanicError{text: panicText(value), Stack: debug.Stack()}
}

// maxPanicText is the longest text of a panic's value, in characters.
const maxPanicText = 2000

func panicText(value any) (text string) {
	text = fmt.Sprintf("a value of type %T", value)
	switch value := value.(type) {
	case string:
		text = value
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, uintptr, float32, float64, complex64, complex128:
		text = fmt.Sprint(value)
	case error:
		text = callText(value.Error, text)
	case fmt.Stringer:
		text = callText(value.String, text)
	}
	return model.CutText(text, maxPanicText)
}

// callText returns the text that a method of the host's returns, called in a goroutine of
// its own; otherwise if the method panics or ends the goroutine.
func callText(method func() string, otherwise string) string {
	done := make(chan string, 1)
	go func() {
		text := otherwise
		defer func() {
			if recover() != nil {
				text = otherwise
			}
			done <- text
		}()
		text = method()
	}()
	return <-done
}

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
				err = NewPanicError(value)
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
	var panicked *PanicError // its methods are not the host's
	if errors.As(err, &panicked) {
		out.is = append(out.is, panicked)
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

// Error has the step's own words too, unless they only say that the context has ended.
func (e *causedError) Error() string {
	if errors.Is(e.err, context.Canceled) || errors.Is(e.err, context.DeadlineExceeded) || errors.Is(e.err, e.cause) {
		return e.cause.Error()
	}
	return e.cause.Error() + ": " + e.err.Error()
}
func (e *causedError) Unwrap() []error { return []error{e.cause, e.err} }
