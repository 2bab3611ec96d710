package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/model"
)

// signalRequest is what signal is asked for.
type signalRequest struct {
	id       uuid.UUID
	name, by string
	data     string // see app.Call.ReadData
	wait     bool
}

// Signal returns the command signal.
func Signal(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:      "signal",
		Usage:     "send a job the signal that its step waits for",
		ArgsUsage: "ID NAME",
		Description: "NAME is that of the step, as show prints it. A signal that comes before its step is kept for it. Only\n" +
			"the first signal of a name counts: if the job has one, prints that one and changes nothing; with\n" +
			"-o json, existing is true then.",
		Flags: []urfave.Flag{
			app.DataFlag("the signal's payload", "null"),
			app.ByFlag("who sends it"),
			app.WaitFlag("exit with 1 if it does not succeed"),
		},
		Action: app.Action(call, parseSignal, runSignal),
	}
}

func parseSignal(c *urfave.Context) (signalRequest, error) {
	r := signalRequest{data: c.String("data"), by: app.By(c), wait: c.Bool("wait")}
	switch args := c.Args(); {
	case args.Len() > 2:
		return r, fmt.Errorf("unexpected argument %q: %s takes a job ID and a signal's name", args.Get(2), c.Command.HelpName)
	case args.First() == "":
		return r, errors.New("job ID is missing")
	case args.Get(1) == "":
		return r, errors.New("the signal's name is missing: it is that of the step which waits")
	}
	if err := app.CheckData(c); err != nil {
		return r, err
	}
	r.name = c.Args().Get(1)
	var err error
	r.id, err = app.ParseID(c.Args().First())
	return r, err
}

func runSignal(ctx context.Context, call *app.Call, r signalRequest) error {
	raw, err := call.ReadData(ctx, r.data)
	if err != nil {
		return err
	}
	var payload any // a nil RawMessage in it would not be nil
	if raw != nil {
		payload = raw
	}
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		sent, err := s.Jobs.Signal(ctx, r.id, r.name, payload, r.by)
		if err != nil {
			return err
		}
		if r.wait {
			return followToEnd(ctx, s, r.id, model.Succeeded)
		}
		return printSignal(ctx, s, r.id, sent)
	})
}

func printSignal(ctx context.Context, s *app.Session, id uuid.UUID, sent *model.Signal) error {
	switch {
	case s.Out.JSON:
		return s.Out.Document(view.SentSignal{JobID: id, Name: sent.Name, Payload: sent.Payload, SentBy: sent.SentBy, SentAt: sent.SentAt, Existing: sent.Existing})
	case sent.Existing:
		return s.Out.Print(view.SignalExists(s.Out, id, sent))
	}
	status, err := s.Jobs.Status(ctx, id)
	if err != nil {
		return err
	}
	return s.Out.Print(view.SignalSent(status, sent))
}
