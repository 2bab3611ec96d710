package job

import (
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// Resume returns the command resume.
func Resume(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:      "resume",
		Usage:     "continue a failed or cancelled job where it stopped",
		ArgsUsage: "ID",
		Description: "Makes the job scheduled: it continues with its first step that is not completed. If this binary has\n" +
			"the type, checks that the record fits the definition. A job whose worker was killed can be resumed\n" +
			"once its lease has run out. Prints the job's status.",
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, DisableDefaultText: true,
				Usage: "change nothing; show which steps would be skipped, run or undone, and why; exit with 1 if the job cannot be resumed"},
			&urfave.StringFlag{Name: "rerun-from", Usage: "run this `STEP` and those after it again, whatever their records say"},
			&urfave.StringSliceFlag{Name: "skip-step", Usage: "continue after this `STEP`: its worker died in the middle of it, and you have found that its effect happened; repeat the flag for several steps"},
			app.WaitFlag("exit with 1 if it does not succeed"),
		},
		Action: app.Action(call, parseResume, runResume),
	}
}

// resumeRequest is what resume is asked for.
type resumeRequest struct {
	controlRequest
	dryRun  bool
	options []engine.ResumeOption
}

func parseResume(c *urfave.Context) (resumeRequest, error) {
	control, err := parseControl(c)
	r := resumeRequest{controlRequest: control, dryRun: c.Bool("dry-run")}
	if c.IsSet("rerun-from") {
		r.options = append(r.options, engine.RerunFrom(c.String("rerun-from")))
	}
	for _, step := range c.StringSlice("skip-step") {
		r.options = append(r.options, engine.SkipStep(step))
	}
	return r, err
}

func runResume(ctx context.Context, call *app.Call, r resumeRequest) error {
	if r.dryRun {
		return dryRun(ctx, call, r.id, r.options)
	}
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		next := announced(ctx, s, r)
		if err := s.Jobs.Resume(ctx, r.id, r.options...); err != nil {
			return explainResume(err, len(r.options) > 0)
		}
		return printOutcome(ctx, s, r.controlRequest, model.Succeeded, func(j *model.JobView) string { return view.Resumed(j, next) })
	})
}

// announced returns the step that a job is going to continue with, where that is
// printed. The resume itself says what is wrong.
func announced(ctx context.Context, s *app.Session, r resumeRequest) view.NextStep {
	if s.Out.JSON || r.wait {
		return view.NextStep{}
	}
	j, err := s.Jobs.Status(ctx, r.id)
	if err != nil {
		return view.NextStep{}
	}
	return s.NextStep(ctx, j, r.options...)
}
