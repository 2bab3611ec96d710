// Command httpservice is a small complete service that has the job system
// embedded: an HTTP API to enqueue, watch and control jobs, and the engine that
// runs them, in one process on one database.
//
//	go run ./examples/httpservice -addr 127.0.0.1:8080 -dsn shop.db -dir exports
//
// makes the tables and 2,000 orders in the SQLite file shop.db, and serves.
// In another terminal, export the orders that go to Germany as CSV:
//
//	curl -si localhost:8080/jobs -H 'Content-Type: application/json' -H 'Idempotency-Key: monday' \
//	     -d '{"type": "orders:export", "name": "Monday export", "input": {"country": "DE"}}'
//
// The answer is 202 with the new job's status, and its address in Location; sent
// again, it is 200 with the same job. With the id from there:
//
//	curl -s localhost:8080/jobs/$ID
//	curl -s 'localhost:8080/jobs?type=orders:export&status=succeeded&limit=10'
//
// Besides a name, a job may have "role", "email", "uploaded_file_url", and a time at
// which it is due, "scheduled_at", or "immediately": true to run before the others of
// its type.
//
// To see a job run, and to cancel and resume one, take a slow one:
//
//	curl -s localhost:8080/jobs -H 'Content-Type: application/json' \
//	     -d '{"type": "demo:steps", "input": {"steps": 20, "step_ms": 3000}}'
//	curl -s localhost:8080/jobs/$ID/cancel -H 'Content-Type: application/json' -d '{"by": "ana", "reason": "lunch"}'
//	curl -s -X POST localhost:8080/jobs/$ID/resume
//	curl -s localhost:8080/healthz
//
// Ctrl-C stops it: first the API, then the engine, which puts the job under way
// back to scheduled with its record. Start it again, and the job goes on. So it
// does after kill -9, once it has been resumed.
//
// # Where to find what
//
//	definitions.go  the one place where job types are registered
//	export.go       the definition of orders:export
//	orders.go       the host's own tables
//	api.go          the routes; a file for each kind of request beside it
//	serve.go        what starts and stops, and in which order
//
// Whoever can reach the API can do everything: a real service puts its own
// authentication in front, and takes "by" from there.
//
// It may import everything of this module.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "httpservice:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct{ addr, dsn, dir string }

func parse(args []string, output io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("httpservice", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to serve on")
	flags.StringVar(&o.dsn, "dsn", "shop.db", "database `address`: a SQLite file, or a postgres:// or mysql:// URL")
	flags.StringVar(&o.dir, "dir", "exports", "`folder` for the exported files, made if it is not there")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, output io.Writer) error {
	o, err := parse(args, output)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(output, nil))
	db, err := dsn.Open(ctx, o.dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	eng, err := prepare(ctx, db, o, log)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return serve(ctx, listener, newAPI(eng, db, log), eng, log)
}

// prepare makes the tables, and an engine that has all definitions.
func prepare(ctx context.Context, db *bun.DB, o options, log *slog.Logger) (*engine.Engine, error) {
	if err := migrations.Migrate(ctx, db); err != nil {
		return nil, err
	}
	orders := &Orders{db: db}
	if err := orders.Prepare(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder for exports: %w", err)
	}
	eng, err := engine.New(db, engine.Config{Logger: log})
	if err != nil {
		return nil, err
	}
	return eng, register(eng, dependencies{orders: orders, exports: o.dir})
}
