package cli

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
)

// The exit codes; the package says what each stands for.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitUnreachable = 4
	ExitInterrupted = 130
)

var (
	// errUsage: the command line is wrong.
	errUsage = errors.New("wrong usage")
	// errNoDatabase: the database is not there, or does not let us in.
	errNoDatabase = errors.New("the database cannot be used")
	// errInterrupted: a signal, or the end of the host's context.
	errInterrupted = errors.New("interrupted")
	// errEnded: the job that was followed did not end as wished.
	errEnded = errors.New("the job has ended")
	// errNotResumable: the job cannot be resumed as it is.
	errNotResumable = errors.New("the job cannot be resumed")
	// errLost: the database was there and is gone.
	errLost = errors.New("the connection to the database was lost")
)

// usageError is an errUsage, with the command whose help tells more, if any.
type usageError struct {
	command string
	err     error
}

// badUsage makes a usage error that needs no help to be understood.
func badUsage(format string, args ...any) error {
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

// endedError is an errEnded, with the job and what can be done about it.
type endedError struct {
	status *model.JobView
	hint   string
}

func (e *endedError) Error() string {
	text := fmt.Sprintf("job %s %s", e.status.ID, ending(e.status))
	if e.status.Error != "" {
		text += ": " + cleanLines(e.status.Error)
	}
	if e.hint != "" {
		text += "\n" + e.hint
	}
	return text
}

func (e *endedError) Is(target error) bool { return target == errEnded }

// exitCode is the one place that makes an exit code of an error.
func exitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errInterrupted):
		return ExitInterrupted
	case errors.Is(err, errNotResumable): // whatever the engine makes of it
		return ExitFailed
	case isAny(err, errUsage, dsn.ErrMalformed, engine.ErrInvalid,
		engine.ErrNotMigrated, migrations.ErrNotMigrated, migrations.ErrUnexpectedSchema):
		return ExitUsage
	case errors.Is(err, engine.ErrNotFound):
		return ExitNotFound
	case isAny(err, dsn.ErrUnreachable, errNoDatabase, errLost):
		return ExitUnreachable
	default:
		return ExitFailed
	}
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// finish tells what went wrong, if anything did, and returns the exit code.
func (inv *invocation) finish(ctx context.Context, err error) int {
	if err == nil {
		return ExitOK
	}
	// Drivers have many names for a context that has ended: that it has, and
	// not what they made of it, is the reason. How the job ended is a result
	// all the same.
	if ctx.Err() != nil && !isAny(err, errEnded, errInterrupted) {
		err = fmt.Errorf("%w: %w", errInterrupted, context.Cause(ctx))
	}
	text := err.Error()
	if note := inv.passwordNote(text); note != "" {
		text += "\n" + note
	}
	inv.note("%s: %s", inv.name, text)
	return exitCode(err)
}

// isLost reports whether an error says that the connection broke.
func isLost(err error) bool {
	if errors.Is(err, driver.ErrBadConn) {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	var coded interface{ SQLState() string } // PostgreSQL's
	if !errors.As(err, &coded) {
		return false
	}
	state := coded.SQLState()
	return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P")
}
