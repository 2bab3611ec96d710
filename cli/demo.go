package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
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

// job returns the job that the demo runs: the last one if it has not succeeded,
// or else a new one.
func (d *demo) job(ctx context.Context, fresh bool) (uuid.UUID, error) {
	last, err := d.eng.LatestJob(ctx, d.Type)
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return d.enqueue(ctx)
	case err != nil:
		return uuid.Nil, err
	case fresh && !last.Status.Ended():
		// It would run first, one job of a type at a time.
		if err := d.eng.Cancel(ctx, last.ID, osUser(), d.name+" demo --fresh"); err != nil && !errors.Is(err, engine.ErrStatus) {
			return uuid.Nil, err
		}
		return d.enqueue(ctx)
	case fresh || last.Status == model.Succeeded:
		return d.enqueue(ctx)
	}
	if d.input != nil {
		d.note("%s: --data is for a new job and not used: add --fresh to make one", d.name)
	}
	return last.ID, d.takeUp(ctx, last.ID)
}

func (d *demo) enqueue(ctx context.Context) (uuid.UUID, error) {
	input := json.RawMessage(cmp.Or(string(d.input), string(d.Input)))
	if err := d.checkInput(ctx, d.Type, input); err != nil {
		return uuid.Nil, err
	}
	job, err := d.eng.Enqueue(ctx, engine.Raw{Type: d.Type, Input: input}, engine.Name(d.Name))
	if err != nil {
		return uuid.Nil, err
	}
	return job.ID, d.say("enqueued job %s of type %s in %s", job.ID, job.Type, dsn.Redact(d.dsn))
}

// takeUp has a job go on that has not come to its end.
func (d *demo) takeUp(ctx context.Context, id uuid.UUID) error {
	var killed *model.JobStatus // as it was found first
	for {
		status, err := d.eng.Status(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case status.Status == model.Succeeded:
			return nil
		case status.Status == model.Scheduled:
			return d.say("found job %s, which was stopped: going on with %s", id, resumePoint(status))
		case status.Status == model.Processing && !status.LeaseExpired:
			if killed != nil && status.LockedUntil.After(killed.LockedUntil.Time) {
				return d.say("found job %s, which %s runs: showing it", id, status.Owner)
			}
			if killed == nil {
				killed = status
				if err := d.sayInterrupted(status); err != nil {
					return err
				}
			}
		default:
			switch err := d.eng.Resume(ctx, id); {
			case err == nil:
				return d.say("found job %s, which %s: going on with %s", id, foundAs(status), resumePoint(status))
			case !errors.Is(err, engine.ErrStatus): // somebody else was faster
				return fmt.Errorf("%w; or begin a new one: %s demo --fresh", err, d.name)
			}
		}
		if err := pause(ctx, followInterval); err != nil {
			return err
		}
	}
}

func (d *demo) sayInterrupted(j *model.JobStatus) error {
	left := max(0, j.LockedUntil.Sub(d.now())).Round(time.Second)
	return d.say("found job %s, which is being processed: waiting for the killed run's lease to run out (%v)", j.ID, left)
}

// foundAs tells the state in which a job was found.
func foundAs(j *model.JobStatus) string {
	if j.LeaseExpired {
		return "was interrupted"
	}
	return ending(j)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// run runs the engine in this process until the job has ended.
func (d *demo) run(ctx context.Context, id uuid.UUID) error {
	status, err := d.runAndFollow(ctx, id)
	switch {
	case ctx.Err() != nil && (err != nil || !status.Status.Ended()):
		return fmt.Errorf("%w: job %s has been handed over; go on with it: %s demo", errInterrupted, id, d.name)
	case err != nil:
		return err
	case status.Status != model.Succeeded:
		return &endedError{status: status, hint: fmt.Sprintf("go on with %s: %s demo; begin a new one: %s demo --fresh", resumePoint(status), d.name, d.name)}
	}
	return d.sayWhere(status)
}

// runAndFollow shows the job while the engine runs, and returns after the
// engine has stopped.
func (d *demo) runAndFollow(ctx context.Context, id uuid.UUID) (*model.JobStatus, error) {
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
func (d *demo) sayWhere(status *model.JobStatus) error {
	if err := d.say("job %s has succeeded in %s", status.ID, status.Elapsed); err != nil || d.Where == nil {
		return err
	}
	if where := d.Where(status); where != "" {
		return d.say("%s", cleanLines(where))
	}
	return nil
}
