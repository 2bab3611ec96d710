package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/model"
)

// signalRequest is what signal is asked for.
type signalRequest struct {
	id       uuid.UUID
	name, by string
	data     string // see readData
	wait     bool
}

func (inv *invocation) signalCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "signal",
		Usage:     "send a job what its step waits for",
		ArgsUsage: "ID NAME",
		Description: "NAME is that of the step, as show tells it. A signal that comes before its step is kept for it. The\n" +
			"first one of a name stands: if there is one, that one is printed, and nothing is changed. With\n" +
			"-o json, existing tells which it was.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "data", Aliases: []string{"d"}, Usage: "the signal's payload: `JSON`, @FILE or - for the standard input", DefaultText: "null"},
			&urfave.StringFlag{Name: "by", Usage: "the `NAME` of who sends it, as recorded with the job", DefaultText: "the user of the operating system"},
			waitFlag("exit with 1 if it does not succeed"),
		},
		Action: action(inv, parseSignal, runSignal),
	}
}

func parseSignal(c *urfave.Context) (signalRequest, error) {
	r := signalRequest{data: c.String("data"), by: c.String("by"), wait: c.Bool("wait")}
	if !c.IsSet("by") {
		r.by = osUser()
	}
	switch args := c.Args(); {
	case args.Len() > 2:
		return r, fmt.Errorf("unexpected argument %q: %s takes a job ID and a signal's name", args.Get(2), c.Command.HelpName)
	case args.First() == "":
		return r, errors.New("job ID is missing")
	case args.Get(1) == "":
		return r, errors.New("the signal's name is missing: it is that of the step which waits")
	case c.IsSet("data") && r.data == "":
		return r, errors.New("--data is empty: want JSON, such as {} or null")
	}
	r.name = c.Args().Get(1)
	var err error
	r.id, err = parseID(c.Args().First())
	return r, err
}

// sentSignal is a signal as signal prints it. A [model.Signal] within it would
// write itself in place of the whole.
type sentSignal struct {
	JobID    uuid.UUID       `json:"job_id"`
	Name     string          `json:"name"`
	Payload  json.RawMessage `json:"payload,omitempty"`
	SentBy   string          `json:"sent_by,omitempty"`
	SentAt   model.Time      `json:"sent_at"`
	Existing bool            `json:"existing"`
}

func runSignal(ctx context.Context, inv *invocation, r signalRequest) error {
	raw, err := inv.readData(ctx, r.data)
	if err != nil {
		return err
	}
	var payload any // a nil RawMessage in it would be no nil
	if raw != nil {
		payload = raw
	}
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		sent, err := s.jobs.Signal(ctx, r.id, r.name, payload, r.by)
		if err != nil {
			return err
		}
		if r.wait {
			return s.followToEnd(ctx, r.id, model.Succeeded)
		}
		return s.out.result(sentSignal{r.id, sent.Name, sent.Payload, sent.SentBy, sent.SentAt, sent.Existing}, func() error { return s.printSignal(ctx, r.id, sent) })
	})
}

func (s *session) printSignal(ctx context.Context, id uuid.UUID, sent *model.Signal) error {
	if sent.Existing {
		return s.out.printf("job %s has the signal %q already%s: that one stands\n", id, clean(sent.Name), s.sentBy(sent.SentBy, sent.SentAt))
	}
	status, err := s.jobs.Status(ctx, id)
	if err != nil {
		return err
	}
	return s.out.printf("job %s has the signal %q%s\n", id, clean(sent.Name), whatFor(status, sent.Name))
}

// sentBy tells who sent a signal, and when.
func (s *session) sentBy(by string, at model.Time) string {
	text := ", sent "
	if by != "" {
		text += "by " + clean(by) + " "
	}
	return text + s.out.at(at)
}

// whatFor says what becomes of a signal that a job does not wait for now.
func whatFor(j *model.JobView, name string) string {
	if waited, ok := awaited(j); ok && waited == name {
		return ": it goes on"
	}
	for _, step := range j.Steps {
		if step.Name == name {
			return ", for its step of that name"
		}
	}
	if len(j.Steps) == 0 {
		return ", for a step of that name"
	}
	return ", but has no step of that name so far: " + resumePoint(j.CurrentStep) + " is where it is"
}

// awaited is the signal that a job waits for, if it does.
func awaited(j *model.JobView) (name string, ok bool) {
	for _, step := range j.Steps {
		if step.Status == model.StepWaiting && step.Awaits != "" {
			return step.Awaits, true
		}
	}
	return "", false
}
