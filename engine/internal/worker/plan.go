package worker

import (
	"errors"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// merge lays the records of earlier runs over the plan: one record for each
// planned step, in the plan's order. It fails, naming every misfit, if the
// records do not fit the plan: then nothing may run and the records stay.
func merge(plan *steps.Plan, old []model.StepRecord, limits Limits) ([]model.StepRecord, error) {
	if len(plan.Steps) > limits.Steps {
		return nil, fmt.Errorf("the plan has %d steps, more than the bound of %d", len(plan.Steps), limits.Steps)
	}
	byName := make(map[string]model.StepRecord, len(old))
	for _, record := range old {
		byName[record.Name] = record
	}
	var errs []error
	records := make([]model.StepRecord, len(plan.Steps))
	open := "" // the first step that is not done
	for i, planned := range plan.Steps {
		record, known := byName[planned.Name]
		delete(byName, planned.Name)
		if !known {
			record = model.StepRecord{Name: planned.Name, Status: model.StepPending}
		}
		record.Weight = planned.Weight
		records[i] = record
		switch {
		case !record.Status.Done() && open == "":
			open = planned.Name
		case record.Status.Done() && open != "":
			errs = append(errs, fmt.Errorf("step %q is recorded as %s, but step %q before it is not", planned.Name, record.Status, open))
		}
		if record.Status == model.StepCompleted {
			if err := checkOutput(planned, record); err != nil {
				errs = append(errs, err)
			}
		}
	}
	for _, record := range old {
		if _, left := byName[record.Name]; left && record.Status != model.StepPending {
			errs = append(errs, fmt.Errorf("step %q is recorded as %s, but the definition has no step of that name", record.Name, record.Status))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("the recorded steps do not fit the definition, nothing was run: %w", errors.Join(errs...))
	}
	return records, nil
}

func checkOutput(planned steps.PlannedStep, record model.StepRecord) error {
	if err := planned.Check(record.Output); err != nil {
		return fmt.Errorf("step %q: its recorded output no longer decodes: %w", planned.Name, err)
	}
	return nil
}

// Fits makes the plan of a job, and returns what reports why a record does not
// fit it.
func Fits(h Handler, j *model.Job, limits Limits) (func(*model.Job) error, error) {
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	var plan *steps.Plan
	if err := guard(func() (err error) {
		plan, err = h.Plan(data.Input)
		return err
	}); err != nil {
		return nil, err
	}
	return func(j *model.Job) error {
		data, err := model.ParseData(j.Data)
		if err != nil {
			return err
		}
		_, err = merge(plan, data.Steps, limits)
		return err
	}, nil
}
