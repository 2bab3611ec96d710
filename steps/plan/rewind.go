package plan

import (
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// skip records a step as skipped. The step must have begun and not be done.
func (r *Resume) skip(data *model.Data, j *model.Job, step string) error {
	names := r.names(step)
	i := slices.IndexFunc(data.Steps, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	switch {
	case i < 0:
		return invalid("it has no record of a step %q to skip", step)
	case data.Undoing != nil:
		return invalid("its steps are being undone: step %q cannot be skipped", step)
	case data.Steps[i].Status.Done():
		return invalid("step %q is recorded as %s: there is nothing to skip", step, data.Steps[i].Status)
	case !data.Steps[i].Status.Known():
		return invalid("step %q is recorded as %q, which this version of the job system does not know: skip it with the newer version", step, data.Steps[i].Status)
	case data.Steps[i].Status == model.StepPending:
		return invalid("step %q has not begun: it cannot be skipped", step)
	}
	record := &data.Steps[i]
	record.Status, record.Error, record.WaitUntil = model.StepSkipped, "a person resumed the job and skipped it", model.Time{}
	record.Awaits = ""
	return dropCheckpoints(j, func(of string) bool { return of == data.Steps[i].Name })
}

// rewind makes the step From and those after it pending again, and moves their records to
// the history.
func (r *Resume) rewind(data *model.Data, j *model.Job) error {
	again, err := r.runAgain(data.Steps)
	if err != nil {
		return err
	}
	data.Undoing = nil
	for k := range data.Steps {
		record := &data.Steps[k]
		switch {
		case !again[k] && !record.Status.Done() && (r.Plan == nil || r.planIndex(record.Name) >= 0):
			return invalid("%w", &NotDoneError{Step: record.Name, Status: record.Status, From: r.From})
		case !again[k] || record.Status == model.StepPending || r.isSkipped(record.Name):
			continue
		}
		if err := dropSignals(j, data.Steps[k:k+1]); err != nil {
			return err
		}
		data.History = append(data.History, *record)
		data.Steps[k] = model.StepRecord{
			Name: record.Name, Status: model.StepPending, Weight: record.Weight, Group: record.Group,
			Attempts: record.Attempts, OnCrash: record.OnCrash, BegunAs: record.BegunAs,
		}
	}
	data.DropHistory(r.Limits.Data)
	j.Progress, j.Message = model.WeightedShare(data.Steps), ""
	return dropCheckpoints(j, func(step string) bool {
		k := data.Step(step)
		return k < 0 || again[k]
	})
}

// isSkipped reports whether this resume skips the step of that name.
func (r *Resume) isSkipped(name string) bool {
	return slices.ContainsFunc(r.Skips, func(step string) bool { return slices.Contains(r.names(step), name) })
}

// runAgain reports for each record whether its step runs again.
func (r *Resume) runAgain(records []model.StepRecord) ([]bool, error) {
	names := r.names(r.From)
	from := r.planIndex(r.From)
	begin := slices.IndexFunc(records, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	if from < 0 && (begin < 0 || r.Plan != nil) {
		return nil, invalid("there is no step %q to rerun from", r.From)
	}
	again := make([]bool, len(records))
	if from < 0 {
		for k := range again {
			again[k] = k >= begin
		}
		return again, nil
	}
	// The plan's order counts. A record of a step that the plan no longer has is
	// treated like the record before it, after which that step used to run.
	after := false
	for k, record := range records {
		if i := r.planIndex(record.Name); i >= 0 {
			after = i >= from
		}
		again[k] = after
	}
	return again, nil
}

// dropCheckpoints removes from the job the checkpoints of the steps for which drop returns
// true.
func dropCheckpoints(j *model.Job, drop func(step string) bool) error {
	checkpoints, err := model.ParseCheckpoints(j.Checkpoints)
	if err != nil {
		return err
	}
	for step := range checkpoints {
		if drop(step) {
			delete(checkpoints, step)
		}
	}
	j.Checkpoints, err = checkpoints.JSON()
	return err
}
