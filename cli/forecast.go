package cli

import (
	"context"
	"errors"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// runForecast is resume --dry-run.
func runForecast(ctx context.Context, inv *invocation, r resumeRequest) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		job, err := s.jobs.Job(ctx, r.id)
		if err != nil {
			return err
		}
		if s.eng.Registered(job.Type) == nil {
			return badUsage("resume --dry-run job %s: this binary does not have its type %q; use the one of its worker", r.id, job.Type)
		}
		list, err := s.jobs.DryRun(ctx, r.id, r.options...)
		err = explainResume(err, len(r.options) > 0)
		if len(list) == 0 || errors.Is(err, engine.ErrStatus) {
			return err
		}
		if failed := s.out.result(list, func() error { return s.printForecast(list) }); failed != nil {
			return failed
		}
		return err
	})
}

func (s *session) printForecast(list []model.ForecastStep) error {
	rows := make([]table.Row, len(list))
	for i, step := range list {
		rows[i] = table.Row{step.Action, clean(step.Step), clean(step.Why)}
	}
	return s.out.table(table.Row{"DOES", "STEP", "WHY"}, rows)
}
