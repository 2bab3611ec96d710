package plan

import (
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// skip records a step as skipped that has begun and not ended well.
func (r *Resume) skip(data *model.Data, j *model.Job, step string) error {
	names := r.names(step)
	i := slices.IndexFunc(data.Steps, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	switch {
	case i < 0:
		return invalid("it has no record of a step %q to go past", step)
	case data.Undoing != nil:
		return invalid("its steps are being undone: there is nothing to go on with behind step %q", step)
	case data.Steps[i].Status.Done():
		return invalid("step %q is recorded as %s: there is nothing to go past", step, data.Steps[i].Status)
	case !data.Steps[i].Status.Known():
		return invalid("step %q is recorded as %q, which this version of the job system does not know: go past it with the newer version", step, data.Steps[i].Status)
	case data.Steps[i].Status == model.StepPending:
		return invalid("step %q has not begun: it cannot be gone past", step)
	}
	record := &data.Steps[i]
	record.Status, record.Error, record.WaitUntil = model.StepSkipped, "somebody resumed the job behind it", model.Time{}
	record.Awaits = ""
	return dropCheckpoints(j, func(of string) bool { return of == data.Steps[i].Name })
}

// rewind puts the step to go back to and those behind it back to pending, and their
// records into the history.
func (r *Resume) rewind(data *model.Data, j *model.Job) error {
	again, err := r.runAgain(data.Steps)
	if err != nil {
		return err
	}
	data.Undoing = nil
	for k := range data.Steps {
		record := &data.Steps[k]
		switch {
		case !again[k] && !record.Status.Done() && (r.Plan == nil || r.planned(record.Name) >= 0):
			return invalid("%w", &NotDoneError{Step: record.Name, Status: record.Status, From: r.From})
		case !again[k] || record.Status == model.StepPending || r.isSkipped(record.Name):
			continue
		}
		if err := forgetSignals(j, data.Steps[k:k+1]); err != nil {
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

// isSkipped reports whether a record is of a step that is to be skipped.
func (r *Resume) isSkipped(name string) bool {
	return slices.ContainsFunc(r.Skips, func(step string) bool { return slices.Contains(r.names(step), name) })
}

// runAgain tells which of the records are of steps that run again.
func (r *Resume) runAgain(records []model.StepRecord) ([]bool, error) {
	names := r.names(r.From)
	planned := r.planned(r.From)
	begin := slices.IndexFunc(records, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	if planned < 0 && (begin < 0 || r.Plan != nil) {
		return nil, invalid("there is no step %q to go on from", r.From)
	}
	again := make([]bool, len(records))
	if planned < 0 {
		for k := range again {
			again[k] = k >= begin
		}
		return again, nil
	}
	// The plan's order counts. Records that are of none of its steps go with
	// what is before them: a step that is gone since stood behind that.
	behind := false
	for k, record := range records {
		if i := r.planned(record.Name); i >= 0 {
			behind = i >= planned
		}
		again[k] = behind
	}
	return again, nil
}

// dropCheckpoints drops the checkpoints of some steps.
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
