package job

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// List returns the command list.
func List(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:  "list",
		Usage: "list jobs, the newest first",
		Flags: []urfave.Flag{
			&urfave.StringSliceFlag{Name: "type", Aliases: []string{"t"}, Usage: "only jobs of that `TYPE`"},
			&urfave.StringSliceFlag{Name: "status", Aliases: []string{"s"}, Usage: "only jobs of that `STATUS`: " + statusNames()},
			&urfave.IntFlag{Name: "limit", Aliases: []string{"n"}, Value: 50, Usage: "at most `N` jobs"},
			&urfave.StringFlag{Name: "before", Usage: "only jobs older than the job `ID`: the next page"},
			&urfave.StringFlag{Name: "parent", Usage: "only jobs that the job `ID` has enqueued and waits for"},
			&urfave.BoolFlag{Name: "deleted", Usage: "deleted jobs too", DisableDefaultText: true},
		},
		Action: app.Action(call, parseList, runList),
	}
}

func statusNames() string {
	var names []string
	for _, s := range model.Statuses() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func parseList(c *urfave.Context) (engine.Filter, error) {
	f := engine.Filter{Types: c.StringSlice("type"), Limit: c.Int("limit"), Deleted: c.Bool("deleted")}
	if err := app.NoArguments(c); err != nil {
		return f, err
	}
	if f.Limit < 1 {
		return f, fmt.Errorf("--limit %d: want 1 or more", f.Limit)
	}
	for _, text := range c.StringSlice("status") {
		for name := range strings.SplitSeq(text, ",") {
			status, err := model.ParseStatus(strings.TrimSpace(name))
			if err != nil {
				return f, fmt.Errorf("unknown status %q: want %s", name, statusNames())
			}
			f.Statuses = append(f.Statuses, status)
		}
	}
	for flag, into := range map[string]*uuid.UUID{"before": &f.Before, "parent": &f.Parent} {
		if !c.IsSet(flag) {
			continue
		}
		var err error
		if *into, err = app.ParseID(c.String(flag)); err != nil {
			return f, fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return f, nil
}

func runList(ctx context.Context, call *app.Call, f engine.Filter) error {
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		jobs, err := s.Jobs.List(ctx, f)
		switch {
		case err != nil:
			return err
		case s.Out.JSON:
			return s.Out.Document(jobs)
		case len(jobs) == 0:
			s.Note("no jobs")
			return nil
		}
		if err := s.Out.Print(view.List(s.Out, jobs)); err != nil {
			return err
		}
		if len(jobs) == f.Limit {
			s.Note("there may be more: --before %s", jobs[len(jobs)-1].ID)
		}
		return nil
	})
}
