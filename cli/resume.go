package cli

import (
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/engine"
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
				Usage: "change nothing; show which steps would be skipped and which run; exit with 1 if a resume would refuse the job"},
			waitFlag("exit with 1 if it does not succeed"),
		},
		Action: action(inv, parseResume, runResume),
	}
}

type resumeRequest struct {
	controlRequest
	dryRun bool
}

func parseResume(c *urfave.Context) (resumeRequest, error) {
	r, err := parseControl(c)
	return resumeRequest{controlRequest: r, dryRun: c.Bool("dry-run")}, err
}

func runResume(ctx context.Context, inv *invocation, r resumeRequest) error {
	if r.dryRun {
		return runForecast(ctx, inv, r.id)
	}
	return control((*engine.Engine).Resume)(ctx, inv, r.controlRequest)
}
