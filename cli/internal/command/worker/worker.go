package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/engine"
)

// request is what worker is asked for.
type request struct {
	types   []string
	config  engine.Config // without its Logger
	logger  func(io.Writer) *slog.Logger
	migrate bool
}

// Command returns the command worker.
func Command(call *app.Call) *urfave.Command {
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
			&urfave.DurationFlag{Name: "lease", DefaultText: orText(call.Host.Engine.Lease, "15s"),
				Usage: "how long a worker's jobs stay locked after its death, as `DURATION`; the same for all workers"},
			&urfave.DurationFlag{Name: "grace", DefaultText: orText(call.Host.Engine.Grace, "10s"),
				Usage: "how long steps may continue when the worker stops, as `DURATION`; 0 for not at all"},
			&urfave.DurationFlag{Name: "poll", DefaultText: orText(call.Host.Engine.Poll, "1s"),
				Usage: "how often the database is asked for due jobs, as `DURATION`"},
			&urfave.DurationFlag{Name: "deploy-window", DefaultText: orText(call.Host.Engine.DeployWindow, "5m"),
				Usage: "how long jobs that do not fit this binary's definitions are left to other workers, as `DURATION`; 0 for not at all"},
			&urfave.BoolFlag{Name: "migrate", Usage: "bring the tables up to date first, on a server too", DisableDefaultText: true},
			&urfave.StringFlag{Name: "log-format", Value: "text", Usage: "write the log as `FORMAT`: text or json", DefaultText: "text"},
		},
		Action: app.Action(call, parserFor(call.Host.Engine), run),
	}
}

// orText returns a duration that the host has set, or the engine's own.
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

// parserFor returns the first half of the command: the flags change the host's
// config of the engine.
func parserFor(config engine.Config) func(*urfave.Context) (request, error) {
	config.Logger = nil
	return func(c *urfave.Context) (request, error) {
		r := request{types: c.StringSlice("type"), config: config, migrate: c.Bool("migrate")}
		err := r.parse(c)
		return r, err
	}
}

func (r *request) parse(c *urfave.Context) error {
	if err := app.NoArguments(c); err != nil {
		return err
	}
	if c.IsSet("max-running") {
		if r.config.MaxRunning = c.Int("max-running"); r.config.MaxRunning < 1 {
			return fmt.Errorf("--max-running %d: want 1 or more", r.config.MaxRunning)
		}
	}
	if err := r.parseDurations(c); err != nil {
		return err
	}
	switch format := c.String("log-format"); format {
	case "text":
		r.logger = func(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
	case "json":
		r.logger = func(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }
	default:
		return fmt.Errorf("unknown log format %q: want text or json", format)
	}
	return nil
}

func (r *request) parseDurations(c *urfave.Context) error {
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
	return errors.Join(parseOrNone(c, "grace", &r.config.Grace), parseOrNone(c, "deploy-window", &r.config.DeployWindow))
}

// parseOrNone sets a duration of the engine's config from a flag, of which 0 means none.
func parseOrNone(c *urfave.Context, name string, d *time.Duration) error {
	if !c.IsSet(name) {
		return nil
	}
	switch *d = c.Duration(name); {
	case *d < 0:
		return fmt.Errorf("--%s %v is negative", name, *d)
	case *d == 0:
		*d = -time.Nanosecond // the engine's value for none
	}
	return nil
}

func run(ctx context.Context, call *app.Call, r request) error {
	logger := r.logger(call.Stderr)
	want := app.SessionConfig{Need: app.NeedTablesOrSQLite, Engine: r.config, Only: r.types}
	want.Engine.Logger = logger
	if r.migrate {
		want.Need = app.NeedMigrated
	}
	return call.WithEngine(ctx, want, func(s *app.Session) error {
		logger.Info("worker started", "database", s.Database(), "types", s.Types)
		err := announceStop(ctx, s.Engine.Run, func() {
			logger.Info("stopping: no more jobs are claimed, and the steps under way may reach a boundary; a second signal ends at once", "cause", context.Cause(ctx))
		})
		if err == nil {
			logger.Info("worker stopped")
		}
		return err
	})
}

// announceStop runs work, and calls announce if ctx ends before work has returned.
func announceStop(ctx context.Context, work func(context.Context) error, announce func()) error {
	var group sync.WaitGroup
	defer group.Wait()
	done := make(chan struct{})
	defer close(done)
	group.Go(func() {
		select {
		case <-ctx.Done():
			announce()
		case <-done:
		}
	})
	return work(ctx)
}
