package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

func (inv *invocation) listCommand() *urfave.Command {
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
		Action: action(inv, parseList, runList),
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
	if err := noArguments(c); err != nil {
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
		if *into, err = parseID(c.String(flag)); err != nil {
			return f, fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return f, nil
}

func runList(ctx context.Context, inv *invocation, f engine.Filter) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		jobs, err := s.jobs.List(ctx, f)
		if err != nil {
			return err
		}
		return s.out.result(jobs, func() error { return s.printList(jobs, f.Limit) })
	})
}

func (s *session) printList(jobs []*model.JobView, limit int) error {
	if len(jobs) == 0 {
		s.note("no jobs")
		return nil
	}
	rows := make([]table.Row, len(jobs))
	for i, j := range jobs {
		rows[i] = table.Row{j.ID, shorten(clean(j.Type), 30), state(j), progressOf(j), s.out.when(j.CreatedAt), shorten(clean(j.Name), 30), s.whatOf(j)}
	}
	if err := s.out.table(table.Row{"ID", "TYPE", "STATUS", "PROGRESS", "CREATED", "NAME", "WHAT"}, rows); err != nil {
		return err
	}
	if len(jobs) == limit {
		s.note("there may be more: --before %s", jobs[len(jobs)-1].ID)
	}
	return nil
}

// state is a job's status with what weighs as much.
func state(j *model.JobView) string {
	switch {
	case !j.DeletedAt.IsZero():
		return string(j.Status) + ", deleted"
	case j.LeaseExpired:
		return string(j.Status) + ", lease expired"
	case j.Undoing && j.Status.Ended():
		return string(j.Status) + ", not all undone"
	case j.Undoing:
		return string(j.Status) + ", undoing"
	case !j.Status.Ended() && j.CancelRequested:
		return string(j.Status) + ", cancel requested"
	default:
		return string(j.Status)
	}
}

// progressOf tells how far a job is, in percent and in steps.
func progressOf(j *model.JobView) string {
	text := fmt.Sprintf("%d%%", j.Percent)
	if j.StepsTotal > 0 {
		text += fmt.Sprintf(" %d/%d", j.StepsCompleted, j.StepsTotal)
	}
	return text
}

// whatOf tells what a job does, or why it does not.
func (s *session) whatOf(j *model.JobView) string {
	const limit = 60
	switch {
	case j.Error != "":
		return shorten(firstLine(j.Error), limit)
	case j.Status == model.Succeeded:
		return ""
	case s.out.waiting(j) != "":
		return shorten(s.out.waiting(j), limit)
	case j.CurrentStep != "" && j.Message != "":
		return shorten(clean(j.CurrentStep)+": "+clean(j.Message), limit)
	default:
		return shorten(clean(j.CurrentStep+j.Message), limit)
	}
}
