package app

import (
	"context"
	"log/slog"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
)

// Session is a command's work on an open database.
type Session struct {
	*Call
	Engine *engine.Engine
	// Jobs is what people see of the engine's jobs, and change in them.
	Jobs  *engine.Client
	Types []string // that are registered
}

// SessionConfig is what a command that runs jobs needs for its session.
type SessionConfig struct {
	Need   Need
	Engine engine.Config // with its Logger; without one nothing is logged
	Only   []string      // the job types to register; nil for all
}

// WithSession opens the database, makes an engine with the host's definitions,
// calls work and closes all. It is for commands that read and control jobs.
func (c *Call) WithSession(ctx context.Context, need Need, work func(*Session) error) error {
	config := c.Host.Engine
	config.Logger = nil
	return c.WithEngine(ctx, SessionConfig{Need: need, Engine: config}, work)
}

// WithEngine is [Call.WithSession] for commands that run jobs.
func (c *Call) WithEngine(ctx context.Context, want SessionConfig, work func(*Session) error) error {
	return c.WithDatabase(ctx, want.Need, func(db *bun.DB) error {
		s, err := c.newSession(db, want)
		if err != nil {
			return err
		}
		return work(s)
	})
}

func (c *Call) newSession(db *bun.DB, want SessionConfig) (*Session, error) {
	config := want.Engine
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Listener == nil {
		listener, err := dsn.NewListener(c.dsn)
		if err != nil {
			return nil, err
		}
		if listener != nil { // a nil one in the interface would not be nil
			config.Listener = listener
		}
	}
	eng, err := engine.New(db, config)
	if err != nil {
		return nil, err
	}
	types, err := c.Host.Register(eng, db, want.Only)
	if err != nil {
		return nil, err
	}
	return &Session{Call: c, Engine: eng, Jobs: eng.Redacted(), Types: types}, nil
}
