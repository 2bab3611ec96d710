package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/model"
)

// demoLease is short, so that people who kill a demo need not wait long for it
// to go on.
const demoLease = 3 * time.Second

// demoRequest is what demo is asked for.
type demoRequest struct {
	data  string
	fresh bool
}

func (inv *invocation) demoCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "demo",
		Usage: "make the tables, enqueue a job and run it, all in this process",
		Description: inv.opts.Demo.Usage + "\n\n" +
			"Kill it and run it again: it finds the interrupted job, goes on with it, and says which steps it\n" +
			"skipped. Works on every database; needs nothing on the default one.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "data", Aliases: []string{"d"}, Usage: "a new job's input: `JSON`, @FILE or - for the standard input", DefaultText: string(inv.opts.Demo.Input)},
			&urfave.BoolFlag{Name: "fresh", Usage: "make a new job, whatever became of the last", DisableDefaultText: true},
		},
		Action: action(inv, parseDemo, runDemo),
	}
}

func parseDemo(c *urfave.Context) (demoRequest, error) {
	return demoRequest{data: c.String("data"), fresh: c.Bool("fresh")}, noArguments(c)
}

func runDemo(ctx context.Context, inv *invocation, r demoRequest) error {
	input, err := inv.readData(ctx, r.data)
	if err != nil {
		return err
	}
	view := inv.newView()
	defer view.close()
	config := inv.opts.Engine
	config.Lease, config.Heartbeat = demoLease, 0
	config.Logger = slog.New(slog.NewTextHandler(inv.beside(view), &slog.HandlerOptions{Level: slog.LevelWarn}))
	want := sessionConfig{need: needMigrated, config: config, only: []string{inv.opts.Demo.Type}}
	return inv.withSession(ctx, want, func(s *session) error {
		d := &demo{session: s, Demo: s.opts.Demo, view: view, input: input}
		id, err := d.job(ctx, r.fresh)
		if err != nil {
			return err
		}
		return d.run(ctx, id)
	})
}

// beside is where something else than the progress goes while that is shown.
func (inv *invocation) beside(view view) io.Writer {
	if w, ok := view.(io.Writer); ok {
		return w
	}
	return inv.stderr
}

// demo is a demo that runs.
type demo struct {
	*session
	*Demo
	view  view
	input json.RawMessage // empty for that of the Demo
}

// say tells people what the demo does: on the standard output, unless JSON goes
// there.
func (d *demo) say(format string, args ...any) error {
	if d.out.json {
		d.note(format, args...)
		return nil
	}
	return d.out.printf(format+"\n", args...)
}

// run runs the engine in this process until the job has ended.
func (d *demo) run(ctx context.Context, id uuid.UUID) error {
	status, err := d.runAndFollow(ctx, id)
	switch {
	case ctx.Err() != nil && (err != nil || !status.Status.Ended()):
		return fmt.Errorf("%w: job %s has been handed over; go on with it: %s demo", errInterrupted, id, d.program())
	case err != nil:
		return err
	case status.Status != model.Succeeded:
		return &endedError{status: status, hint: fmt.Sprintf("go on with %s: %s demo; begin a new one: %s demo --fresh", resumePoint(status.CurrentStep), d.program(), d.program())}
	}
	return d.sayWhere(status)
}

// runAndFollow shows the job while the engine runs, and returns after the
// engine has stopped.
func (d *demo) runAndFollow(ctx context.Context, id uuid.UUID) (*model.JobView, error) {
	running, stop := context.WithCancelCause(ctx)
	stopped := make(chan error, 1)
	go func() {
		err := d.eng.Run(running)
		stop(err) // if it could not start, there is nothing to follow
		stopped <- err
	}()
	status, err := d.follow(running, id, d.view)
	d.view.close()
	if ctx.Err() != nil {
		d.note("%s: stopping: the step under way may reach a boundary; a second signal ends at once", d.name)
	}
	stop(nil)
	if failed := <-stopped; failed != nil {
		return status, failed
	}
	return status, err
}

// sayWhere tells where the product of the job lies.
func (d *demo) sayWhere(status *model.JobView) error {
	if err := d.say("job %s has succeeded in %s", status.ID, status.Elapsed); err != nil || d.Where == nil {
		return err
	}
	if where := d.Where(status); where != "" {
		return d.say("%s", cleanLines(where))
	}
	return nil
}
