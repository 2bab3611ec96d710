package faults_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/proof"
)

const hostRole = "host"

// hosting is how an application uses the database that it shares with its engine.
type hosting struct {
	// MaxOpen is the maximum of its pool.
	MaxOpen int
	// TakesAll is how long it uses all connections for itself, at each SIGUSR1.
	TakesAll time.Duration
	// BusyTimeout is SQLite's, in milliseconds.
	BusyTimeout int
	// Writes is the length of its own transactions on SQLite, one after another; it runs no
	// engine then.
	Writes time.Duration
}

// host is an application with a worker in it.
func host(o proof.Orders) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var h hosting
	if err := json.Unmarshal(o.Extra, &h); err != nil {
		return err
	}
	db, err := dsn.Open(ctx, o.DSN)
	if err != nil {
		return err
	}
	defer db.Close()
	if h.Writes > 0 {
		return write(ctx, db, h.Writes)
	}
	if h.MaxOpen > 0 {
		db.SetMaxOpenConns(h.MaxOpen)
		go takeAll(ctx, db, h)
	}
	if h.BusyTimeout > 0 { // it has one connection, and keeps it
		if _, err := db.NewRaw("PRAGMA busy_timeout = ?", h.BusyTimeout).Exec(ctx); err != nil {
			return err
		}
	}
	ledger, err := proof.NewLedger(o.Dir, o.Name)
	if err != nil {
		return err
	}
	defer ledger.Close()
	eng, err := proof.NewEngine(db, ledger, o.Settings, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	proof.Say(proof.Ready)
	return eng.Run(ctx)
}

func takeAll(ctx context.Context, db *bun.DB, h hosting) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	for range signals {
		var held []bun.Conn
		for range h.MaxOpen {
			if conn, err := db.Conn(ctx); err == nil {
				held = append(held, conn)
			}
		}
		time.Sleep(h.TakesAll)
		for _, conn := range held {
			_ = conn.Close()
		}
	}
}

// write has a transaction open nearly all the time.
func write(ctx context.Context, db *bun.DB, long time.Duration) error {
	proof.Say(proof.Ready)
	for ctx.Err() == nil {
		_ = db.RunInTx(ctx, nil, func(context.Context, bun.Tx) error { // which begins as a writer
			time.Sleep(long)
			return nil
		})
	}
	return nil
}
