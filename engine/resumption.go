package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ntxdev/jobsystem/engine/internal/worker"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// resumption is what a resume makes of a job's row.
type resumption struct {
	from, past         string
	goesBack, goesPast bool

	plan   *steps.Plan // nil if the job's type is not registered here
	limits worker.Limits
}

// resumption makes the plan of a job, if its type is registered here, and takes
// the options.
func (e *Engine) resumption(j *model.Job, opts []ResumeOption) (*resumption, error) {
	r := &resumption{limits: e.config.Limits.forWorker()}
	for _, opt := range opts {
		opt(r)
	}
	if r.goesBack && r.goesPast {
		return nil, invalid("From(%q) and Past(%q) exclude each other: resume either by running a step again or behind it", r.from, r.past)
	}
	e.mu.Lock()
	h, ok := e.handlers[j.Type]
	e.mu.Unlock()
	if !ok || j.Status == model.Succeeded {
		return r, nil
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	r.plan, err = worker.MakePlan(h, data.Input)
	return r, err
}

// forecast tells how a row's record fits the plan.
func (r *resumption) forecast(j *model.Job) ([]model.ForecastStep, error) {
	if r.plan == nil {
		return nil, nil
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	return worker.Forecast(r.plan, data, r.limits)
}

// edit changes the record as the options ask.
func (r *resumption) edit(j *model.Job) error {
	data, err := model.ParseData(j.Data)
	if err != nil {
		return err
	}
	if data.Plan != nil {
		data.Plan.Crashes = 0
	}
	for i := range data.Steps {
		data.Steps[i].Failures = 0
	}
	switch {
	case r.goesPast:
		err = r.goPast(&data, j)
	case r.goesBack:
		err = r.goBack(&data, j)
	}
	if err != nil {
		return err
	}
	for _, record := range data.Steps {
		if record.Status == model.StepInterrupted && record.OnCrash == model.OnCrashStop {
			return invalid("its process died in the middle of step %q, and whether its effect happened is not known: look, and resume with From(%q) to run it again, or with Past(%q) to go on behind it",
				record.Name, record.Name, record.Name)
		}
	}
	j.Data, err = data.JSON()
	return err
}

// names are those that a step's record may have: its own, and what it is or was
// called in the plan.
func (r *resumption) names(step string) []string {
	if i := r.planned(step); i >= 0 {
		return append([]string{r.plan.Steps[i].Name}, r.plan.Steps[i].Was...)
	}
	return []string{step}
}

// planned is the index in the plan of a step that has or had that name, or -1.
func (r *resumption) planned(name string) int {
	if r.plan == nil {
		return -1
	}
	return slices.IndexFunc(r.plan.Steps, func(p steps.PlannedStep) bool { return p.Name == name || slices.Contains(p.Was, name) })
}

func (r *resumption) goPast(data *model.Data, j *model.Job) error {
	names := r.names(r.past)
	i := slices.IndexFunc(data.Steps, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	switch {
	case i < 0:
		return invalid("it has no record of a step %q to go past", r.past)
	case data.Undoing != nil:
		return invalid("its steps are being undone: there is nothing to go on with behind step %q", r.past)
	case data.Steps[i].Status.Done():
		return invalid("step %q is recorded as %s: there is nothing to go past", r.past, data.Steps[i].Status)
	case data.Steps[i].Status == model.StepPending:
		return invalid("step %q has not begun: it cannot be gone past", r.past)
	}
	record := &data.Steps[i]
	record.Status, record.Error, record.WaitUntil = model.StepSkipped, "somebody resumed the job behind it", model.Time{}
	return r.dropCursors(j, func(step string) bool { return step == data.Steps[i].Name })
}

// goBack puts the step to go on from and those behind it back to pending, and
// their records into the history.
func (r *resumption) goBack(data *model.Data, j *model.Job) error {
	again, err := r.again(data.Steps)
	if err != nil {
		return err
	}
	data.Undoing = nil
	gone := make(map[string]bool) // signals that were used
	for k := range data.Steps {
		record := &data.Steps[k]
		switch {
		case !again[k] && !record.Status.Done() && (r.plan == nil || r.planned(record.Name) >= 0):
			return invalid("step %q before step %q is recorded as %s: go on from there, or resume without From", record.Name, r.from, record.Status)
		case !again[k] || record.Status == model.StepPending:
			continue
		}
		if record.Awaits != "" {
			gone[record.Awaits] = true
		}
		data.History = append(data.History, *record)
		data.Steps[k] = model.StepRecord{
			Name: record.Name, Status: model.StepPending, Weight: record.Weight, Group: record.Group,
			Attempts: record.Attempts, OnCrash: record.OnCrash, BegunAs: record.BegunAs,
		}
	}
	data.DropHistory(r.limits.Data)
	j.Progress, j.Message = progressOf(data.Steps), ""
	return errors.Join(dropSignals(j, gone), r.dropCursors(j, func(step string) bool {
		k := data.Step(step)
		return k < 0 || again[k]
	}))
}

// again tells which of the records are of steps that run again.
func (r *resumption) again(records []model.StepRecord) ([]bool, error) {
	names := r.names(r.from)
	planned := r.planned(r.from)
	begin := slices.IndexFunc(records, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	if planned < 0 && (begin < 0 || r.plan != nil) {
		return nil, invalid("there is no step %q to go on from", r.from)
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

// dropCursors drops the checkpoints of some steps.
func (r *resumption) dropCursors(j *model.Job, drop func(step string) bool) error {
	cursors, err := model.ParseCursors(j.Cursor)
	if err != nil {
		return err
	}
	for step := range cursors {
		if drop(step) {
			delete(cursors, step)
		}
	}
	j.Cursor, err = cursors.JSON()
	return err
}

// dropSignals drops the signals of these names, so that they can be sent anew.
func dropSignals(j *model.Job, gone map[string]bool) error {
	signals, err := model.ParseSignals(j.Signals)
	if err != nil || len(gone) == 0 {
		return err
	}
	signals = slices.DeleteFunc(signals, func(s model.Signal) bool { return gone[s.Name] })
	j.Signals = nil
	if len(signals) > 0 {
		j.Signals, err = json.Marshal(signals)
	}
	if err != nil {
		return fmt.Errorf("write the signals: %w", err)
	}
	return nil
}

// progressOf is the share of the steps that are done.
func progressOf(records []model.StepRecord) float64 {
	sum, done := 0.0, 0.0
	for _, record := range records {
		sum += record.Weight
		if record.Status.Done() {
			done += record.Weight
		}
	}
	if sum == 0 {
		return 0
	}
	return done / sum
}
