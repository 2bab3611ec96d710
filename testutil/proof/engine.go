package proof

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
)

// Settings are the settings of an engine; zero fields have the engine's own defaults.
type Settings struct {
	Lease, Heartbeat, Poll, Grace, RetryInPlace time.Duration
	MaxRunning                                  int
	// Pace is the minimum time of each step, unless its context ends.
	Pace time.Duration
	// Listen is the DSN by which it listens for notifications; it does not if that is
	// empty.
	Listen string
	// Types are the types that it runs; see [Kind.Type].
	Types []string
}

// Unhurried are settings for engines whose leases expire only when the test expires them:
// see [ExpireLeases].
func Unhurried(types ...string) Settings {
	return Settings{Lease: 10 * time.Minute, Heartbeat: time.Minute, Poll: 100 * time.Millisecond, Grace: 5 * time.Second, Types: types}
}

// Short are settings for engines whose death is noticed soon.
func Short(types ...string) Settings {
	return Settings{Lease: time.Second, Heartbeat: 300 * time.Millisecond, Poll: 50 * time.Millisecond, Grace: 5 * time.Second, Types: types}
}

// NewEngine makes an engine with the definitions of its types, whose steps are noted in a
// ledger.
func NewEngine(db *bun.DB, ledger *Ledger, s Settings, log *slog.Logger) (*engine.Engine, error) {
	config := engine.Config{
		Lease: s.Lease, Heartbeat: s.Heartbeat, Poll: s.Poll, Grace: s.Grace, RetryInPlace: s.RetryInPlace, MaxRunning: s.MaxRunning, Logger: log,
	}
	if s.Listen != "" {
		listener, err := dsn.NewListener(s.Listen)
		if err != nil {
			return nil, err
		}
		if listener != nil { // there are notifications
			config.Listener = listener
		}
	}
	eng, err := engine.New(db, config)
	if err != nil {
		return nil, err
	}
	ledger.pace = s.Pace
	for _, one := range s.Types {
		if err := eng.Register(define(one, ledger), engine.ContextFunc(ledger.run)); err != nil {
			return nil, err
		}
	}
	return eng, nil
}

// ExpireLeasesOf expires the leases of a process that has died, also of a claim that it had
// sent before and that the database executes after its death.
func ExpireLeasesOf(ctx context.Context, db *bun.DB, process int) error {
	_, err := db.NewRaw("UPDATE job_type_lock SET locked_until = updated_at WHERE job_id IS NOT NULL AND owner LIKE ?", fmt.Sprintf("%%/%d", process)).Exec(ctx)
	return err
}

// ExpireLeases expires all leases, as if their engines had not renewed them: one by one,
// since a transaction of a killed process may still lock some.
func ExpireLeases(ctx context.Context, db *bun.DB) error {
	var types []string
	if err := db.NewRaw("SELECT l.type FROM job_type_lock l WHERE l.job_id IS NOT NULL").Scan(ctx, &types); err != nil {
		return err
	}
	for _, one := range types {
		if _, err := db.NewRaw("UPDATE job_type_lock SET locked_until = updated_at WHERE job_id IS NOT NULL AND type = ?", one).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
