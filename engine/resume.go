package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/engine/internal/worker"
	"github.com/ntxdev/jobsystem/model"
)

// ResumeOption is an option of [Client.Resume] and [Client.DryRun].
type ResumeOption func(*resumption)

type resumption struct {
	from string
	back bool // From was given
	past []string
}

// From has the job go on with that step: it and the steps after it run again,
// whatever is recorded of them, but for those that [Past] names. Their records
// are kept as history. The last one given counts.
func From(step string) ResumeOption { return func(r *resumption) { r.from, r.back = step, true } }

// Past has the job go on behind that step, which is recorded as skipped and has
// no output: for a step whose process died in the middle of it, and whose effect
// somebody has found to have happened. It may be given for several steps: those
// of a group.
func Past(step string) ResumeOption {
	return func(r *resumption) { r.past = append(r.past, step) }
}

// Resume puts a failed or cancelled job back to scheduled with its record: it
// goes on with the first step that is not done. If its type is registered here,
// it is checked first that the record fits the definition. A job whose engine
// was killed can be resumed once its lease has run out. The steps' retries begin
// anew, without the delay that may be under way. A job of which steps were being
// undone goes on with that. One whose process died in the middle of a
// [steps.StopOnCrash] step is refused unless [From] or [Past] says what becomes
// of that.
func (c *Client) Resume(ctx context.Context, id uuid.UUID, opts ...ResumeOption) error {
	row, err := c.row(ctx, "resume", id)
	if err != nil {
		return err
	}
	r := newResumption(opts)
	// The plan is the host's code, which may use the database: it is made
	// before the row is locked. Its input never changes.
	fits, err := c.engine.planFor(&row.Job)
	if err != nil {
		return fmt.Errorf("resume job %s: %w", id, err)
	}
	return c.reschedule(ctx, id, "resume", func(j *model.Job) error {
		j.Resumptions++
		if err := r.edit(j); err != nil {
			return err
		}
		_, err := fits(j)
		return err
	})
}

// DryRun tells what Resume with these options would do with each step, and
// changes nothing. It fails as Resume would, together with what it tells; the
// job's type must be registered here.
func (c *Client) DryRun(ctx context.Context, id uuid.UUID, opts ...ResumeOption) ([]model.ForecastStep, error) {
	row, err := c.row(ctx, "dry-run", id)
	if err != nil {
		return nil, err
	}
	if c.engine.Registered(row.Type) == nil {
		return nil, fmt.Errorf("dry-run job %s: %w", id, invalid("its type %q is not registered here", row.Type))
	}
	status := row.Status
	if !status.Resumable() { // the plan is told all the same
		row.Status = model.Failed
	}
	fits, err := c.engine.planFor(&row.Job)
	row.Status = status
	if err != nil {
		return nil, fmt.Errorf("dry-run job %s: %w", id, err)
	}
	if err := newResumption(opts).edit(&row.Job); err != nil {
		return nil, fmt.Errorf("dry-run job %s: %w", id, err)
	}
	forecast, err := fits(&row.Job)
	if err != nil {
		err = fmt.Errorf("dry-run job %s: %w", id, err)
	}
	if refusal := reschedulable(row, "resume"); refusal != nil && !dead(row) {
		return forecast, refusal
	}
	return forecast, err
}

// dead reports whether a job's engine is gone, so that a resume settles it.
func dead(row *store.Row) bool {
	return row.Status == model.Processing && row.Owner != "" && !row.LockedUntil.After(row.Now.Time)
}

func newResumption(opts []ResumeOption) *resumption {
	r := &resumption{}
	for _, opt := range opts {
		opt(r)
	}
	return r
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
	retryAnew(data.Steps)
	if err := waitAnew(&data, j); err != nil {
		return err
	}
	for _, step := range r.past {
		if err := goPast(&data, step); err != nil {
			return err
		}
	}
	if err := r.goBack(&data, j); err != nil {
		return err
	}
	if data.Undoing == nil && slices.ContainsFunc(data.Steps, model.StepRecord.WasUndone) {
		j.Progress = progressOf(data.Steps) // what was undone is to be done again
	}
	for _, record := range data.Steps {
		if record.Undecided() {
			return invalid("its process died in the middle of step %q, and whether its effect happened is not known: look, and resume with From(%q) to run it again, or with Past(%q) to go on behind it",
				record.Name, record.Name, record.Name)
		}
	}
	j.Data, err = data.JSON()
	return err
}

// retryAnew has the steps' retries begin anew, the next attempt now.
func retryAnew(records []model.StepRecord) {
	for i := range records {
		record := &records[i]
		record.Failures = 0
		if record.Retrying() {
			record.Status, record.WaitUntil = model.StepFailed, model.Time{}
		}
	}
}

// waitAnew has steps that waited when the job ended wait anew: for a signal or
// for children, with all of their timeout. A time to wait until stays.
func waitAnew(data *model.Data, j *model.Job) error {
	for i := range data.Steps {
		record := &data.Steps[i]
		if record.Status == model.StepWaiting && (record.Awaits != "" || len(record.Children) > 0) {
			record.Status = model.StepInterrupted
		}
		if record.Status == model.StepFailed {
			if err := forgetSignals(j, data.Steps[i:i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetSignals takes from the job the signals that these steps have used, so
// that others can be sent.
func forgetSignals(j *model.Job, records []model.StepRecord) error {
	signals, err := model.ParseSignals(j.Signals)
	if err != nil {
		return err
	}
	left := signals
	for _, record := range records {
		if !record.SentAt.IsZero() {
			left = left.Without(record.Awaits, record.SentAt)
		}
	}
	if len(left) == len(signals) {
		return nil
	}
	j.Signals, err = json.Marshal(left)
	return err
}

// goPast records a step as skipped that has begun and not ended well.
func goPast(data *model.Data, step string) error {
	i := data.Step(step)
	switch {
	case i < 0:
		return invalid("it has no record of a step %q to go past", step)
	case data.Steps[i].Status.Done():
		return invalid("step %q is recorded as %s: there is nothing to go past", step, data.Steps[i].Status)
	case data.Steps[i].Status == model.StepPending:
		return invalid("step %q has not begun: it cannot be gone past", step)
	}
	record := &data.Steps[i]
	record.Status, record.Error = model.StepSkipped, "somebody resumed the job behind it"
	record.WaitUntil, record.Awaits = model.Time{}, ""
	return nil
}

func (r *resumption) goBack(data *model.Data, j *model.Job) error {
	if !r.back {
		return nil
	}
	i := data.Step(r.from)
	if i < 0 {
		return invalid("it has no record of a step %q to go on from", r.from)
	}
	data.Undoing = nil
	if err := forgetSignals(j, data.Steps[i:]); err != nil {
		return err
	}
	for k := i; k < len(data.Steps); k++ {
		record := data.Steps[k]
		if slices.Contains(r.past, record.Name) {
			continue
		}
		if record.Status != model.StepPending {
			data.History = append(data.History, record)
		}
		data.Steps[k] = model.StepRecord{Name: record.Name, Status: model.StepPending, Weight: record.Weight, Group: record.Group, Attempts: record.Attempts, OnCrash: record.OnCrash}
	}
	j.Cursor = nil
	j.Progress = progressOf(data.Steps)
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

// planFor makes the plan of a job, if its type is registered here, and returns
// what tells how a record fits it.
func (e *Engine) planFor(j *model.Job) (func(*model.Job) ([]model.ForecastStep, error), error) {
	e.mu.Lock()
	h, ok := e.handlers[j.Type]
	e.mu.Unlock()
	if !ok || !j.Status.Resumable() && j.Status != model.Processing {
		return func(*model.Job) ([]model.ForecastStep, error) { return nil, nil }, nil
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	plan, err := worker.MakePlan(h, data.Input)
	if err != nil {
		return nil, err
	}
	return func(j *model.Job) ([]model.ForecastStep, error) {
		data, err := model.ParseData(j.Data)
		if err != nil {
			return nil, err
		}
		return worker.Forecast(plan, data, e.config.Limits.forWorker())
	}, nil
}
