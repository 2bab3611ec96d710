package cli

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// runForecast is resume --dry-run.
func runForecast(ctx context.Context, inv *invocation, id uuid.UUID, opts []engine.ResumeOption) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		job, err := s.jobs.Job(ctx, id)
		if err != nil {
			return err
		}
		if s.eng.Registered(job.Type) == nil {
			return badUsage("resume --dry-run job %s: this binary does not have its type %q; use the one of its worker", id, job.Type)
		}
		list, refusal := s.jobs.DryRun(ctx, id, opts...)
		if len(list) == 0 || errors.Is(refusal, engine.ErrStatus) {
			return refusal
		}
		if err := s.out.result(list, func() error { return s.printForecast(list) }); err != nil {
			return err
		}
		return refusal
	})
}

func (s *session) printForecast(list []model.ForecastStep) error {
	rows := make([]table.Row, len(list))
	for i, step := range list {
		rows[i] = table.Row{step.Does, clean(step.Step), clean(step.Why)}
	}
	return s.out.table(table.Row{"DOES", "STEP", "WHY"}, rows)
}
