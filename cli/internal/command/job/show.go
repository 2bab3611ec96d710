package job

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// Show returns the command show.
func Show(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:      "show",
		Usage:     "show a job and its steps",
		ArgsUsage: "ID",
		Description: "Cuts long values; -o json has them whole. For a job that can be resumed, says which step would run\n" +
			"first, if this binary has the type.",
		Action: app.Action(call, app.JobArgument, runShow),
	}
}

func runShow(ctx context.Context, call *app.Call, id uuid.UUID) error {
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		shown := view.Shown{}
		var err error
		if shown.JobView, err = s.Jobs.Status(ctx, id); err != nil {
			return err
		}
		if s.Out.JSON {
			return s.Out.Document(shown.JobView)
		}
		if shown.Children, err = children(ctx, s, shown.JobView); err != nil {
			return err
		}
		shown.MissingTypes = missingTypes(s, shown.Children)
		shown.Hints = hints(ctx, s, shown.JobView)
		return s.Out.Print(view.Show(s.Out, shown))
	})
}

// children returns the jobs that a job's steps have enqueued, the newest first.
func children(ctx context.Context, s *app.Session, j *model.JobView) ([]*model.JobView, error) {
	if !slices.ContainsFunc(j.Steps, func(step model.StepView) bool { return len(step.Children) > 0 }) {
		return nil, nil
	}
	const most = 100
	list, err := s.Jobs.List(ctx, engine.Filter{Parent: j.ID, Deleted: true, Limit: most})
	if len(list) == most {
		s.Note("only the last %d of its jobs are shown; list --parent %s has more", most, j.ID)
	}
	return list, err
}

// missingTypes returns the types of jobs that this program cannot run.
func missingTypes(s *app.Session, jobs []*model.JobView) []string {
	var types []string
	for _, j := range jobs {
		if s.LacksType(j) {
			types = append(types, j.Type)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// hints says what can be done about a job.
func hints(ctx context.Context, s *app.Session, j *model.JobView) []string {
	list := view.Hints(j, view.HintData{Program: s.Program(), Resume: s.ResumeHint(ctx, j), LacksType: s.LacksType(j)})
	if note := s.PasswordNote(strings.Join(list, "\n")); note != "" {
		list = append(list, note)
	}
	return list
}
