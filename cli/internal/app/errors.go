package app

import (
	"errors"
	"fmt"
)

// Conditions that decide the exit code, beside those of the engine, the
// migrations and the package dsn.
var (
	// ErrInterrupted: a signal has ended the command, or the end of the host's
	// context.
	ErrInterrupted = errors.New("interrupted")
	// ErrEnded: the job that was followed did not end as wished, or never ends; see
	// [JobEnded].
	ErrEnded = errors.New("the job has ended")
	// ErrNotResumable: the job cannot be resumed as it is.
	ErrNotResumable = errors.New("the job cannot be resumed")
	// errUsage: the command line is wrong.
	errUsage = errors.New("wrong usage")
	// errNoDatabase: the database is not there, or rejects the connection.
	errNoDatabase = errors.New("the database cannot be used")
	// errLost: the database was there and is gone.
	errLost = errors.New("the connection to the database was lost")
)

// usageError is an errUsage, with the command whose help says more, if any.
type usageError struct {
	command string
	err     error
}

// BadUsage returns a usage error that needs no help to be understood.
func BadUsage(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

func (e *usageError) Error() string {
	if e.command == "" {
		return e.err.Error()
	}
	return fmt.Sprintf("%v\nsee %s --help", e.err, e.command)
}

func (e *usageError) Unwrap() error { return e.err }

func (e *usageError) Is(target error) bool { return target == errUsage }

// endedError is an ErrEnded.
type endedError struct{ text string }

// JobEnded returns an [ErrEnded] with that text, which says how the job ended.
func JobEnded(text string) error { return &endedError{text} }

func (e *endedError) Error() string { return e.text }

func (e *endedError) Is(target error) bool { return target == ErrEnded }

// IsAny reports whether an error is any of the targets.
func IsAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
