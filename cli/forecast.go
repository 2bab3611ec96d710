package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// forecastStep is what a resume would make of one step.
type forecastStep struct {
	Step string `json:"step"`
	Does string `json:"does"` // skip, run or unknown
	Why  string `json:"why"`
}

// The values of forecastStep.Does.
const (
	doesSkip    = "skip"
	doesRun     = "run"
	doesUnknown = "unknown"
)

// runForecast is resume --dry-run.
func runForecast(ctx context.Context, inv *invocation, id uuid.UUID) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		status, err := s.eng.Status(ctx, id)
		if err != nil {
			return err
		}
		if err := refusal(status); err != nil {
			return err
		}
		job, err := s.eng.Job(ctx, id)
		if err != nil {
			return err
		}
		definition := s.eng.Registered(job.Type)
		if definition == nil {
			return badUsage("resume --dry-run job %s: this binary does not have its type %q; use the one of its worker", id, job.Type)
		}
		list, err := forecast(definition, job.Data)
		if err != nil {
			return fmt.Errorf("resume --dry-run job %s: %w", id, err)
		}
		if err := s.out.result(list, func() error { return s.printForecast(list) }); err != nil {
			return err
		}
		return misfits(id, list)
	})
}

// refusal is the error with which a resume would refuse a job for its status,
// or nil. The engine tells it only to those who try.
func refusal(j *model.JobStatus) error {
	hint := "it has nothing left to do"
	switch {
	case !j.DeletedAt.IsZero():
		hint = "and it is deleted"
	case j.Status.Resumable(), j.LeaseExpired && j.Owner != "":
		return nil
	case j.LeaseExpired:
		hint = "its engine is gone; try again in a moment"
	case j.Status == model.Processing:
		hint = "cancel it first; or if its process was killed, wait for its lease to run out"
	case j.Status == model.Scheduled:
		hint = "it runs by itself when it is due"
	}
	return &engine.StatusError{ID: j.ID, Status: j.Status, Doing: "resume --dry-run", Hint: hint}
}

// forecast compares a job's record with its definition.
func forecast(definition steps.Handler, document json.RawMessage) ([]forecastStep, error) {
	data, err := model.ParseData(document)
	if err != nil {
		return nil, err
	}
	plan, err := definition.Plan(data.Input)
	if err != nil {
		return nil, err
	}
	list := []forecastStep{}
	planned := make(map[string]bool)
	for _, step := range plan.Steps {
		planned[step.Name] = true
		list = append(list, forecastOf(step, data))
	}
	for _, record := range data.Steps {
		if !planned[record.Name] && record.Status != model.StepPending {
			list = append(list, forecastStep{record.Name, doesUnknown, fmt.Sprintf("recorded as %s, but the definition has no step of that name", record.Status)})
		}
	}
	return list, nil
}

func forecastOf(step steps.PlannedStep, data model.Data) forecastStep {
	i := data.Step(step.Name)
	switch {
	case i < 0 || data.Steps[i].Status == model.StepPending:
		return forecastStep{step.Name, doesRun, "has not run yet"}
	case !data.Steps[i].Status.Done():
		return forecastStep{step.Name, doesRun, fmt.Sprintf("is recorded as %s", data.Steps[i].Status)}
	}
	record := data.Steps[i]
	if record.Status == model.StepCompleted {
		if err := step.Check(record.Output); err != nil {
			return forecastStep{step.Name, doesUnknown, fmt.Sprintf("its recorded output does not decode: %v", err)}
		}
	}
	return forecastStep{step.Name, doesSkip, fmt.Sprintf("is recorded as %s", record.Status)}
}

func (s *session) printForecast(list []forecastStep) error {
	rows := make([]table.Row, len(list))
	for i, step := range list {
		rows[i] = table.Row{step.Does, clean(step.Step), clean(step.Why)}
	}
	return s.out.table(table.Row{"DOES", "STEP", "WHY"}, rows)
}

// misfits fails if a resume would: for steps that are unknown, and for ones to
// be skipped after one that is to run.
func misfits(id uuid.UUID, list []forecastStep) error {
	open := ""
	for _, step := range list {
		switch {
		case step.Does == doesUnknown:
			return fmt.Errorf("resume --dry-run job %s: step %q %s; restart the job, or use the definition it was run with", id, step.Step, step.Why)
		case step.Does == doesRun && open == "":
			open = step.Step
		case step.Does == doesSkip && open != "":
			return fmt.Errorf("resume --dry-run job %s: step %q %s, but step %q before it is not completed; restart the job, or use the definition it was run with", id, step.Step, step.Why, open)
		}
	}
	return nil
}
