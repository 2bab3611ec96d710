package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// enqueueRequest is what enqueue is asked for.
type enqueueRequest struct {
	jobType string
	data    string // see readData
	in      time.Duration
	options []engine.EnqueueOption
	wait    bool
}

func (inv *invocation) enqueueCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "enqueue",
		Usage:     "enqueue a job",
		ArgsUsage: "TYPE",
		Description: "Prints the new job. With -o json that is its row, with the id and, in data, the input; show -o json\n" +
			"prints its status, in the form of list and watch. The input is checked against the definition if\n" +
			"this binary has the type; another type is enqueued as well, for a worker that has it.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "data", Aliases: []string{"d"}, Usage: "the job's input: `JSON`, @FILE or - for the standard input"},
			&urfave.StringFlag{Name: "name", Usage: "the `TEXT` that people see", DefaultText: "the type"},
			&urfave.StringFlag{Name: "role", Usage: "the `ROLE` of the user whom the job belongs to"},
			&urfave.StringFlag{Name: "email", Usage: "the `ADDRESS` of the user whom the job belongs to"},
			&urfave.StringFlag{Name: "file-url", Usage: "the `URL` of the file that the job works on"},
			&urfave.StringFlag{Name: "at", Usage: "run at that `TIME` or later: RFC 3339, such as 2026-10-01T06:00:00Z"},
			&urfave.DurationFlag{Name: "in", Usage: "run after that `DURATION`, such as 5m, by this machine's clock", DefaultText: "now"},
			&urfave.StringFlag{Name: "key", Usage: "idempotency `KEY`: if the type has a job with it, that one is printed and none is made"},
			waitFlag("exit with 1 if it does not succeed"),
		},
		Action: action(inv, parseEnqueue, runEnqueue),
	}
}

func waitFlag(ending string) urfave.Flag {
	return &urfave.BoolFlag{Name: "wait", Aliases: []string{"w"}, DisableDefaultText: true,
		Usage: "follow the job until it ends, as watch does; " + ending}
}

func parseEnqueue(c *urfave.Context) (enqueueRequest, error) {
	r := enqueueRequest{data: c.String("data"), in: c.Duration("in"), wait: c.Bool("wait")}
	var err error
	if r.jobType, err = oneArgument(c, "job type"); err != nil {
		return r, err
	}
	if c.IsSet("data") && r.data == "" {
		return r, errors.New("--data is empty: want JSON, such as {} or null")
	}
	for flag, option := range map[string]func(string) engine.EnqueueOption{
		"name": engine.Name, "role": engine.Role, "email": engine.Email,
		"file-url": engine.UploadedFileURL, "key": engine.IdempotencyKey,
	} {
		if c.IsSet(flag) {
			r.options = append(r.options, option(c.String(flag)))
		}
	}
	return r, r.parseTime(c)
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

func runEnqueue(ctx context.Context, inv *invocation, r enqueueRequest) error {
	input, err := inv.readData(ctx, r.data)
	if err != nil {
		return err
	}
	return inv.withSession(ctx, inv.controls(needTablesOrSQLite), func(s *session) error {
		if err := s.checkInput(ctx, r.jobType, input); err != nil {
			return err
		}
		if r.in > 0 {
			r.options = append(r.options, engine.At(inv.now().Add(r.in)))
		}
		job, err := s.jobs.Enqueue(ctx, engine.RawInput{Type: r.jobType, Input: input}, r.options...)
		if err != nil {
			return err
		}
		if err := s.printJob(job, r.wait); err != nil || !r.wait {
			return err
		}
		return s.followToEnd(ctx, job.ID, model.Succeeded)
	})
}

// checkInput finds an input that the definition does not take before the job
// is made, and warns of a type that nobody seems to have.
func (s *session) checkInput(ctx context.Context, jobType string, input json.RawMessage) error {
	if h := s.eng.Registered(jobType); h != nil {
		if _, err := h.Plan(json.RawMessage(cmp.Or(string(input), "null"))); err != nil {
			return badUsage("--data for a job of type %q: %w", jobType, s.opts.Engine.Redact.OfInput(jobType, input).Error(err))
		}
		return nil
	}
	_, err := s.jobs.LatestJob(ctx, jobType)
	if errors.Is(err, engine.ErrNotFound) {
		s.note("%s: warning: this binary does not have the job type %q, and the database has no job of it: is it spelled right? The job waits for a worker that has it", s.name, jobType)
		return nil
	}
	return err
}

// printJob prints a job that was enqueued.
func (s *session) printJob(job *model.Job, more bool) error {
	if s.out.json && more {
		return s.out.line(job) // lines follow
	}
	return s.out.result(job, func() error {
		verb := "enqueued"
		if job.Existing {
			verb = "exists already:"
		}
		return s.out.printf("%s job %s of type %s: %s, due %s\n", verb, job.ID, clean(job.Type), job.Status, s.out.when(job.ScheduledAt))
	})
}
