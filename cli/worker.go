package cli

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
)

// workerRequest is what worker is asked for.
type workerRequest struct {
	types   []string
	config  engine.Config // without its Logger
	logger  func(*invocation) *slog.Logger
	migrate bool
}

func (inv *invocation) workerCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "worker",
		Usage: "run jobs until a signal ends it",
		Description: "Logs to the standard error. The first SIGINT or SIGTERM stops it gracefully: it claims no more,\n" +
			"gives the steps under way the grace to reach a boundary, and hands their jobs over; it exits with 0.\n" +
			"A second one ends it at once with 130; what ran is settled when its lease has run out.\n" +
			"A SQLite file and its tables are made if they are not there.",
		Flags: []urfave.Flag{
			&urfave.StringSliceFlag{Name: "type", Aliases: []string{"t"}, Usage: "only jobs of that `TYPE`", DefaultText: "all that this binary has"},
			&urfave.IntFlag{Name: "max-running", Usage: "at most `N` jobs at once", DefaultText: "one of each type"},
			&urfave.DurationFlag{Name: "lease", DefaultText: orText(inv.opts.Engine.Lease, "15s"),
				Usage: "how long after its death a worker's jobs can be taken over, as `DURATION`; the same for all workers"},
			&urfave.DurationFlag{Name: "grace", DefaultText: orText(inv.opts.Engine.Grace, "10s"),
				Usage: "how long steps may go on when the worker stops, as `DURATION`; 0 for not at all"},
			&urfave.DurationFlag{Name: "poll", DefaultText: orText(inv.opts.Engine.Poll, "1s"),
				Usage: "how often the database is asked for due jobs, as `DURATION`"},
			&urfave.BoolFlag{Name: "migrate", Usage: "bring the tables up to date first, on a server too", DisableDefaultText: true},
			&urfave.StringFlag{Name: "log-format", Value: "text", Usage: "write the log as `FORMAT`: text or json", DefaultText: "text"},
		},
		Action: action(inv, inv.parseWorker, runWorker),
	}
}

// orText is a duration that the host has set, or the engine's own.
func orText(d time.Duration, otherwise string) string {
	switch {
	case d < 0:
		return "0s"
	case d > 0:
		return d.String()
	default:
		return otherwise
	}
}

func (inv *invocation) parseWorker(c *urfave.Context) (workerRequest, error) {
	r := workerRequest{types: c.StringSlice("type"), config: inv.opts.Engine, migrate: c.Bool("migrate")}
	r.config.Logger = nil
	if err := noArguments(c); err != nil {
		return r, err
	}
	if c.IsSet("max-running") {
		if r.config.MaxRunning = c.Int("max-running"); r.config.MaxRunning < 1 {
			return r, fmt.Errorf("--max-running %d: want 1 or more", r.config.MaxRunning)
		}
	}
	if err := r.parseDurations(c); err != nil {
		return r, err
	}
	switch format := c.String("log-format"); format {
	case "text":
		r.logger = func(inv *invocation) *slog.Logger { return slog.New(slog.NewTextHandler(inv.stderr, nil)) }
	case "json":
		r.logger = func(inv *invocation) *slog.Logger { return slog.New(slog.NewJSONHandler(inv.stderr, nil)) }
	default:
		return r, fmt.Errorf("unknown log format %q: want text or json", format)
	}
	return r, nil
}

func (r *workerRequest) parseDurations(c *urfave.Context) error {
	for _, name := range []string{"lease", "poll"} {
		if c.IsSet(name) && c.Duration(name) <= 0 {
			return fmt.Errorf("--%s %v: want more than 0", name, c.Duration(name))
		}
	}
	if c.IsSet("lease") {
		r.config.Lease, r.config.Heartbeat = c.Duration("lease"), 0
	}
	if c.IsSet("poll") {
		r.config.Poll = c.Duration("poll")
	}
	if !c.IsSet("grace") {
		return nil
	}
	r.config.Grace = c.Duration("grace")
	switch {
	case r.config.Grace < 0:
		return fmt.Errorf("--grace %v is negative", r.config.Grace)
	case r.config.Grace == 0:
		r.config.Grace = -time.Nanosecond // the engine's word for none
	}
	return nil
}

func runWorker(ctx context.Context, inv *invocation, r workerRequest) error {
	want := sessionConfig{need: needTablesOrSQLite, config: r.config, only: r.types}
	if r.migrate {
		want.need = needMigrated
	}
	logger := r.logger(inv)
	want.config.Logger = logger
	return inv.withSession(ctx, want, func(s *session) error {
		logger.Info("worker started", "database", dsn.Redact(inv.dsn), "types", s.types)
		err := withWord(ctx, s.eng.Run, func() {
			logger.Info("stopping: no more jobs are claimed, and the steps under way may reach a boundary; a second signal ends at once", "cause", context.Cause(ctx))
		})
		if err == nil {
			logger.Info("worker stopped")
		}
		return err
	})
}

// withWord runs run, and calls word when ctx ends before run has returned.
func withWord(ctx context.Context, run func(context.Context) error, word func()) error {
	var group sync.WaitGroup
	defer group.Wait()
	done := make(chan struct{})
	defer close(done)
	group.Go(func() {
		select {
		case <-ctx.Done():
			word()
		case <-done:
		}
	})
	return run(ctx)
}
