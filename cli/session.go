package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
)

// session is a command's work on an open database.
type session struct {
	*invocation
	eng *engine.Engine
	// jobs is what people see of the engine's jobs, and change in them.
	jobs  *engine.Client
	types []string // that are registered
}

// sessionConfig is how a command wants its session.
type sessionConfig struct {
	need   need
	config engine.Config // with its Logger; none logs nothing
	only   []string      // the job types to register; nil for all
}

// withSession opens the database, makes an engine with the host's definitions,
// and closes all when work has returned.
func (inv *invocation) withSession(ctx context.Context, want sessionConfig, work func(*session) error) error {
	return inv.withDatabase(ctx, want.need, func(db *bun.DB) error {
		s, err := inv.newSession(db, want)
		if err != nil {
			return err
		}
		return work(s)
	})
}

func (inv *invocation) newSession(db *bun.DB, want sessionConfig) (*session, error) {
	if want.config.Logger == nil {
		want.config.Logger = slog.New(slog.DiscardHandler)
	}
	if want.config.Listener == nil {
		listener, err := dsn.NewListener(inv.dsn)
		if err != nil {
			return nil, err
		}
		if listener != nil { // a nil one in the interface would not be nil
			want.config.Listener = listener
		}
	}
	eng, err := engine.New(db, want.config)
	if err != nil {
		return nil, err
	}
	registry := &Registry{engine: eng, db: db, only: want.only}
	if inv.opts.Register != nil {
		if err := inv.opts.Register(registry); err != nil {
			return nil, err
		}
	}
	if err := registry.checkOnly(); err != nil {
		return nil, err
	}
	return &session{invocation: inv, eng: eng, jobs: eng.Redacted(), types: registry.taken}, nil
}

// controls is the config of most commands: they read and control jobs.
func (inv *invocation) controls(need need) sessionConfig {
	config := inv.opts.Engine
	config.Logger = nil
	return sessionConfig{need: need, config: config}
}

// diagnose finds out whether an error that nobody has a name for comes from a
// database that is gone: each driver words that differently, and some leave it
// to a time-out.
func (inv *invocation) diagnose(ctx context.Context, db *bun.DB, err error) error {
	const timeout = 3 * time.Second
	if err == nil || ctx.Err() != nil || exitCode(err) != ExitFailed || isAny(err, engine.ErrStatus, engine.ErrDrift, engine.ErrDeleted, errEnded, errNotResumable) {
		return err
	}
	if isLost(err) {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if db.PingContext(limited) != nil {
		return fmt.Errorf("%w: %s: %w", errLost, dsn.Redact(inv.dsn), err)
	}
	return err
}
