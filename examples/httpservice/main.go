// Command httpservice is a small, complete service that embeds the job system: an
// HTTP API to enqueue, watch and control jobs, and the engine that runs them, in
// one process with one database.
//
//	go run ./examples/httpservice -addr 127.0.0.1:8080 -dsn shop.db -dir exports
//
// creates the tables and 2,000 orders in the SQLite file shop.db, and serves the
// API. In another terminal, export the orders to Germany as CSV:
//
//	curl -si localhost:8080/jobs -H 'Content-Type: application/json' -H 'Idempotency-Key: monday' \
//	     -d '{"type": "orders:export", "name": "Monday export", "input": {"country": "DE"}}'
//
// The response is 202 with the new job's status, and its path in the header
// Location. If the request is sent again, the response is 200 with the same job.
// With the job's id:
//
//	curl -s localhost:8080/jobs/$ID
//	curl -s 'localhost:8080/jobs?type=orders:export&status=succeeded&limit=10'
//
// A request may also set "role", "email", "uploaded_file_url", and either
// "scheduled_at", the time at which the job is due, or "immediately": true, to run
// it before all other jobs of its type that wait; "priority", from -2 to 2, ranks it
// among them.
//
// To watch a running job, and to cancel and resume it, enqueue a slow one:
//
//	curl -s localhost:8080/jobs -H 'Content-Type: application/json' \
//	     -d '{"type": "demo:steps", "input": {"steps": 20, "step_ms": 3000}}'
//	curl -s localhost:8080/jobs/$ID/cancel -H 'Content-Type: application/json' -d '{"by": "ana", "reason": "lunch"}'
//	curl -s -X POST localhost:8080/jobs/$ID/resume
//	curl -s localhost:8080/healthz
//
// Ctrl-C stops the service: first the API, then the engine, which sets the running
// job back to scheduled and keeps its record. When the service is started again,
// the job continues. After kill -9, resume the job to continue it.
//
// # Files
//
//	definitions.go  all job types, and their registration
//	export.go       the definition of orders:export
//	orders.go       the host's own table
//	api.go          the routes; each kind of request has its own file
//	serve.go        the order in which the parts start and stop
//
// The API has no authentication: every client can do everything. A real service
// authenticates its clients and sets "by" to the authenticated user.
//
// It may import all packages of this module.
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

// options holds the values of the command-line flags.
type options struct{ addr, dsn, exportDir string }

func parseOptions(args []string, output io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("httpservice", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to serve on")
	flags.StringVar(&o.dsn, "dsn", "shop.db", "`DSN` of the database: a SQLite file, or a postgres:// or mysql:// URL")
	flags.StringVar(&o.exportDir, "dir", "exports", "`folder` for the exported files, created if it does not exist")
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
	o, err := parseOptions(args, output)
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

// prepare creates the tables and the folder, and returns an engine with all
// definitions registered.
func prepare(ctx context.Context, db *bun.DB, o options, log *slog.Logger) (*engine.Engine, error) {
	if err := migrations.Migrate(ctx, db); err != nil {
		return nil, err
	}
	orders := &Orders{db: db}
	if err := orders.Prepare(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.exportDir, 0o750); err != nil {
		return nil, fmt.Errorf("create the folder for exports: %w", err)
	}
	eng, err := engine.New(db, engine.Config{Logger: log})
	if err != nil {
		return nil, err
	}
	return eng, register(eng, dependencies{orders: orders, exportDir: o.exportDir})
}
