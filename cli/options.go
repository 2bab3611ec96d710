package cli

import (
	"encoding/json"
	"io"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// Options is what a host adds to the command tree. The zero value works: it is
// a command line that controls jobs and runs none.
type Options struct {
	// Name is the binary's name in help and messages. Default: the last part
	// of the first argument's path.
	Name string
	// Usage is the line that says what the binary is for.
	Usage string
	// Version is what the command version prints. Default: the version of the
	// main module that Go has put into the binary.
	Version string
	// Register registers the job types that this binary runs. It is called
	// once by each command that works on jobs, after the database has been
	// opened, and must start nothing.
	Register func(*Registry) error
	// DSN is the database where neither --dsn nor JOBSYSTEM_DSN names one.
	// Default: jobsystem.db.
	DSN string
	// Engine configures the engine; the flags of worker override it, and its
	// Logger is not used. All binaries on one database should have the
	// same Lease. Its Redact takes secrets out of all that the commands print
	// and log.
	Engine engine.Config
	// Demo is the job of the command demo; nil for no such command.
	Demo *Demo
	// Stdin, Stdout and Stderr default to those of the process.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Demo is a job that shows what the system does.
type Demo struct {
	// Type is the job's type, which Options.Register registers.
	Type string
	// Name is the job's name.
	Name string
	// Usage says in a line or more what the job does and what its input may be.
	Usage string
	// Input is what the job is enqueued with unless --data says otherwise.
	Input json.RawMessage
	// Where says, as a sentence for people, where the product of a job that has
	// succeeded is. It may be nil, and may return nothing.
	Where func(*model.JobView) string
}

// host returns the options without their public types.
func (o Options) host() app.Host {
	return app.Host{
		Name: o.Name, Usage: o.Usage, Version: o.Version, DSN: o.DSN, Engine: o.Engine, Register: o.register,
		Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr,
	}
}
