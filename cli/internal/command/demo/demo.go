package demo

import (
	"context"
	"log/slog"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
)

// lease is short, so that people who kill a demo need not wait long until it
// continues.
const lease = 3 * time.Second

// request is what demo is asked for.
type request struct {
	data  string // see app.Call.ReadData
	fresh bool
}

// Command returns the command demo.
func Command(call *app.Call, job *Job) *urfave.Command {
	return &urfave.Command{
		Name:  "demo",
		Usage: "make the tables, enqueue a job and run it, all in this process",
		Description: job.Usage + "\n\n" +
			"Kill it and run it again: it finds the interrupted job, continues it, and says which steps it\n" +
			"skipped. Works on every database; needs nothing on the default one.",
		Flags: []urfave.Flag{
			app.DataFlag("a new job's input", string(job.Input)),
			&urfave.BoolFlag{Name: "fresh", Usage: "make a new job, whatever became of the last", DisableDefaultText: true},
		},
		Action: app.Action(call, parse, func(ctx context.Context, call *app.Call, r request) error { return run(ctx, call, job, r) }),
	}
}

func parse(c *urfave.Context) (request, error) {
	return request{data: c.String("data"), fresh: c.Bool("fresh")}, app.NoArguments(c)
}

func run(ctx context.Context, call *app.Call, job *Job, r request) error {
	input, err := call.ReadData(ctx, r.data)
	if err != nil {
		return err
	}
	live := view.NewLive(call.Out, call.Stderr)
	defer live.Close()
	config := call.Host.Engine
	config.Lease, config.Heartbeat = lease, 0
	config.Logger = slog.New(slog.NewTextHandler(view.Beside(live, call.Stderr), &slog.HandlerOptions{Level: slog.LevelWarn}))
	want := app.SessionConfig{Need: app.NeedMigrated, Engine: config, Only: []string{job.Type}}
	return call.WithEngine(ctx, want, func(s *app.Session) error {
		d := &demo{Session: s, job: job, live: live, input: input}
		id, err := d.find(ctx, r.fresh)
		if err != nil {
			return err
		}
		return d.runJob(ctx, id)
	})
}
