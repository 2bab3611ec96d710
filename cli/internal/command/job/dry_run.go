package job

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// dryRun is resume --dry-run.
func dryRun(ctx context.Context, call *app.Call, id uuid.UUID, options []engine.ResumeOption) error {
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		job, err := s.Jobs.Job(ctx, id)
		if err != nil {
			return err
		}
		if s.Engine.Registered(job.Type) == nil {
			return app.BadUsage("resume --dry-run job %s: this binary does not have its type %q; use the one of its worker", id, job.Type)
		}
		list, err := s.Jobs.DryRun(ctx, id, options...)
		err = explainResume(err, len(options) > 0)
		if len(list) == 0 || errors.Is(err, engine.ErrStatus) {
			return err
		}
		if failed := printForecast(s.Out, list); failed != nil {
			return failed
		}
		return err // the forecast shows where a record does not fit
	})
}

func printForecast(out *view.Printer, list []model.ForecastStep) error {
	if out.JSON {
		return out.Document(list)
	}
	return out.Print(view.Forecast(out, list))
}
