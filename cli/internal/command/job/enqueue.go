package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// enqueueRequest is what enqueue is asked for.
type enqueueRequest struct {
	jobType string
	data    string // see app.Call.ReadData
	in      time.Duration
	options []engine.EnqueueOption
	wait    bool
}

// Enqueue returns the command enqueue.
func Enqueue(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:      "enqueue",
		Usage:     "enqueue a job",
		ArgsUsage: "TYPE",
		Description: "Prints the new job. With -o json that is its row, with the id and, in data, the input; show -o json\n" +
			"prints its status, in the form of list and watch. The input is checked against the definition if\n" +
			"this binary has the type; another type is enqueued as well, for a worker that has it.",
		Flags: []urfave.Flag{
			app.DataFlag("the job's input", ""),
			&urfave.StringFlag{Name: "name", Usage: "the `TEXT` that people see", DefaultText: "the type"},
			&urfave.StringFlag{Name: "role", Usage: "the `ROLE` of the user whom the job belongs to"},
			&urfave.StringFlag{Name: "email", Usage: "the `ADDRESS` of the user whom the job belongs to"},
			&urfave.StringFlag{Name: "file-url", Usage: "the `URL` of the file that the job works on"},
			&urfave.StringFlag{Name: "at", Usage: "run at that `TIME` or later: RFC 3339, such as 2026-10-01T06:00:00Z"},
			&urfave.DurationFlag{Name: "in", Usage: "run after that `DURATION`, such as 5m, by this machine's clock", DefaultText: "now"},
			&urfave.StringFlag{Name: "key", Usage: "idempotency `KEY`: if the type has a job with it, that one is printed and none is made"},
			&urfave.StringSliceFlag{Name: "unique-until", Usage: "with --key: the key binds until the job ends with that `STATUS` (succeeded, failed or cancelled; repeatable), and not for ever"},
			&urfave.IntFlag{Name: "priority", Usage: "`N` from -2 to 2: the due jobs of a type run in the order of their priorities, a greater one first; a step counts as an hour of waiting"},
			&urfave.BoolFlag{Name: "immediately", Usage: "run before all other jobs of the type that wait"},
			app.WaitFlag("exit with 1 if it does not succeed"),
		},
		Action: app.Action(call, parseEnqueue, runEnqueue),
	}
}

func parseEnqueue(c *urfave.Context) (enqueueRequest, error) {
	r := enqueueRequest{data: c.String("data"), in: c.Duration("in"), wait: c.Bool("wait")}
	var err error
	if r.jobType, err = app.OneArgument(c, "job type"); err != nil {
		return r, err
	}
	if err := app.CheckData(c); err != nil {
		return r, err
	}
	for flag, option := range map[string]func(string) engine.EnqueueOption{
		"name": engine.Name, "role": engine.Role, "email": engine.Email,
		"file-url": engine.UploadedFileURL, "key": engine.IdempotencyKey,
	} {
		if c.IsSet(flag) {
			r.options = append(r.options, option(c.String(flag)))
		}
	}
	if ends := c.StringSlice("unique-until"); len(ends) > 0 {
		statuses := make([]model.Status, len(ends))
		for i, end := range ends {
			statuses[i] = model.Status(end)
		}
		r.options = append(r.options, engine.UniqueUntil(statuses...))
	}
	if c.IsSet("priority") {
		r.options = append(r.options, engine.Priority(c.Int("priority")))
	}
	if c.Bool("immediately") {
		r.options = append(r.options, engine.Immediately())
	}
	err = r.parseTime(c)
	return r, err
}

func (r *enqueueRequest) parseTime(c *urfave.Context) error {
	switch {
	case c.IsSet("at") && c.IsSet("in"):
		return errors.New("--at and --in exclude each other")
	case r.in < 0:
		return fmt.Errorf("--in %v is negative", r.in)
	case !c.IsSet("at"):
		return nil
	}
	at, err := time.Parse(time.RFC3339, c.String("at"))
	if err != nil {
		return fmt.Errorf("--at %q is not a time in RFC 3339, such as 2026-10-01T06:00:00Z", c.String("at"))
	}
	r.options = append(r.options, engine.At(at))
	return nil
}

func runEnqueue(ctx context.Context, call *app.Call, r enqueueRequest) error {
	input, err := call.ReadData(ctx, r.data)
	if err != nil {
		return err
	}
	return call.WithSession(ctx, app.NeedTablesOrSQLite, func(s *app.Session) error {
		if err := s.CheckInput(ctx, r.jobType, input); err != nil {
			return err
		}
		if r.in > 0 {
			r.options = append(r.options, engine.At(s.Now().Add(r.in)))
		}
		job, err := s.Jobs.Enqueue(ctx, engine.RawInput{Type: r.jobType, Input: input}, r.options...)
		if err != nil {
			return err
		}
		if err := printEnqueued(s.Out, job, r.wait); err != nil || !r.wait {
			return err
		}
		return followToEnd(ctx, s, job.ID, model.Succeeded)
	})
}

// printEnqueued prints a job that was enqueued, before it is followed if it is.
func printEnqueued(out *view.Printer, job *model.Job, followed bool) error {
	switch {
	case out.JSON && followed:
		return out.Line(job) // lines follow
	case out.JSON:
		return out.Document(job)
	default:
		return out.Print(view.Enqueued(out, job))
	}
}
