package app

import (
	"errors"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
)

// The exit codes; the package cli says what each stands for.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitUnreachable = 4
	ExitInterrupted = 130
)

// exitCode returns the exit code of an error. It is the one place that does.
func exitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrInterrupted):
		return ExitInterrupted
	case errors.Is(err, ErrNotResumable): // whatever the engine makes of it
		return ExitFailed
	case IsAny(err, errUsage, dsn.ErrMalformed, engine.ErrInvalid,
		engine.ErrNotMigrated, migrations.ErrNotMigrated, migrations.ErrUnexpectedSchema):
		return ExitUsage
	case errors.Is(err, engine.ErrNotFound):
		return ExitNotFound
	case IsAny(err, dsn.ErrUnreachable, errNoDatabase, errLost):
		return ExitUnreachable
	default:
		return ExitFailed
	}
}
