package app

import (
	"io"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
)

// Host is what the host of the command line gives: cli.Options without its public
// types. Its fields mean what they mean there.
type Host struct {
	Name, Usage, Version, DSN string
	Engine                    engine.Config
	// Register registers the host's job types, or of them those in only, if that
	// is not nil, and returns which it has registered.
	Register       func(eng *engine.Engine, db *bun.DB, only []string) (registered []string, err error)
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}
