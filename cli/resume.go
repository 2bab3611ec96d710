package cli

import (
	"cmp"
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

func (inv *invocation) resumeCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "resume",
		Usage:     "let a failed or cancelled job go on where it was",
		ArgsUsage: "ID",
		Description: "The job becomes scheduled and goes on with its first step that is not completed. If this binary\n" +
			"has the type, it is checked that the record fits the definition. A job whose worker was killed\n" +
			"can be resumed once its lease has run out. Prints the job's status.",
		Flags: []urfave.Flag{
			&urfave.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, DisableDefaultText: true,
				Usage: "change nothing; show which steps would be skipped, run or undone, and why; exit with 1 if a resume would refuse the job"},
			&urfave.StringFlag{Name: "rerun-from", Usage: "run this `STEP` and those after it again, whatever is recorded of them"},
			&urfave.StringSliceFlag{Name: "skip-step", Usage: "go on behind this `STEP`: its worker died in the middle of it, and somebody has seen that its effect happened; several times for several steps"},
			waitFlag("exit with 1 if it does not succeed"),
		},
		Action: action(inv, parseResume, runResume),
	}
}

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

func runResume(ctx context.Context, inv *invocation, r resumeRequest) error {
	if r.dryRun {
		return runForecast(ctx, inv, r)
	}
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		next := s.announce(ctx, r)
		if err := s.jobs.Resume(ctx, r.id, r.options...); err != nil {
			return explainResume(err, len(r.options) > 0)
		}
		return s.printOutcome(ctx, r.controlRequest, model.Succeeded, func(j *model.JobView) string { return resumed(j, next) })
	})
}

// announce is what a job is going to go on with, where that is printed. What is wrong
// the resume says itself.
func (s *session) announce(ctx context.Context, r resumeRequest) string {
	if s.out.json || r.wait {
		return ""
	}
	j, err := s.jobs.Status(ctx, r.id)
	if err != nil {
		return ""
	}
	next, _ := s.nextStep(ctx, j, r.options...)
	return next
}

// resumed tells a job's status after a resume, with the step that it goes on with, as
// it was announced or is recorded.
func resumed(j *model.JobView, next string) string {
	next = cmp.Or(next, j.CurrentStep)
	switch {
	case j.Status != model.Scheduled || j.CancelRequested || j.Undoing || next == "":
		return outcome(j)
	case next == noStep:
		return state(j) + ", with no step left to run"
	default:
		return state(j) + ", to go on with " + resumePoint(next)
	}
}
