package engine

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// ResumeOption is an option of [Client.Resume] and [Client.DryRun].
type ResumeOption func(*plan.Resume)

// RerunFrom makes the job continue with that step. The step and those after it in the
// definition run again, whatever their records say, except those that [SkipStep] names.
// Conditions are evaluated again, and signals and children are awaited again. The replaced
// records are kept as history in the job's data; if there is no room, the oldest are
// dropped. The steps before the named one must be done, or be new in the definition. The
// steps are not undone before they run again. If RerunFrom is given several times, the last
// one counts.
//
// If the job's type is not registered here, the recorded steps are used instead of the
// definition's.
func RerunFrom(step string) ResumeOption {
	return func(r *plan.Resume) { r.From, r.Rewinds = step, true }
}

// SkipStep makes the job continue after that step, which is recorded as skipped and has no
// output. Use it for a step whose process died in the middle of it, after a person has found
// out that its effect has happened. The step must have begun, and must not be done. The
// option can be given for several steps, for example the members of a group.
func SkipStep(step string) ResumeOption {
	return func(r *plan.Resume) { r.Skips = append(r.Skips, step) }
}

// Resume makes a failed or cancelled job scheduled and keeps its record: the job continues
// with its first step that is not done. A job whose engine was killed can be resumed when
// its lease has expired. All steps get their retries again, and a delay before a next
// attempt ends. If an undo was in progress, Resume continues it, unless [RerunFrom] is
// given.
//
// If the job's type is registered here, Resume checks first that the record fits the
// definition, and returns an [ErrDrift] if it does not. If the process died in the middle of
// a [steps.StopOnCrash] step, it returns an [InDoubtError], unless [RerunFrom] or [SkipStep]
// says whether to run or to skip the step. If the job is not failed or cancelled, it returns
// a [StatusError], and for other mistakes an [ErrInvalid]. With any of these errors the job
// is not resumed.
func (c *Client) Resume(ctx context.Context, id uuid.UUID, opts ...ResumeOption) error {
	row, err := c.row(ctx, "resume", id)
	if err != nil {
		return err
	}
	// Making the plan calls the host's code, which may use the database: so it is made
	// before the row is locked. The input of a job never changes.
	r, err := c.engine.newResume(&row.Job, opts)
	if err != nil {
		return fmt.Errorf("resume job %s: %w", id, c.redactErr(&row.Job, err))
	}
	return c.reschedule(ctx, id, "resume", func(j *model.Job) error {
		j.Resumptions++
		if err := r.Edit(j); err != nil {
			return err
		}
		_, err := r.Forecast(j)
		return c.redactErr(&row.Job, err)
	})
}

// DryRun returns what Resume with these options would do with each step, and changes
// nothing. It returns the same errors as Resume; with an [ErrDrift] it also returns the
// forecast. The job's type must be registered here.
func (c *Client) DryRun(ctx context.Context, id uuid.UUID, opts ...ResumeOption) ([]model.ForecastStep, error) {
	row, err := c.row(ctx, "dry-run", id)
	if err != nil {
		return nil, err
	}
	found := row.Job
	fails := func(err error) error { return fmt.Errorf("dry-run job %s: %w", id, c.redactErr(&found, err)) }
	if c.engine.Registered(row.Type) == nil {
		return nil, fails(invalid("its type %q is not registered here", row.Type))
	}
	if dead(row) { // a resume would settle it first
		if err := c.engine.interrupt(&row.Job); err != nil {
			return nil, fails(err)
		}
	}
	if err := reschedulable(row, "resume"); err != nil {
		return nil, err
	}
	r, err := c.engine.newResume(&row.Job, opts)
	if err != nil {
		return nil, fails(err)
	}
	if err := r.Edit(&row.Job); err != nil {
		return nil, fails(err)
	}
	forecast, err := r.Forecast(&row.Job)
	if err != nil {
		err = fails(err)
	}
	return c.shownForecast(&found, forecast), err
}

// newResume returns a resume of a job with these options, with the job's plan if its type is
// registered here.
func (e *Engine) newResume(j *model.Job, opts []ResumeOption) (*plan.Resume, error) {
	r := &plan.Resume{Limits: e.config.Limits.ofPlan()}
	for _, opt := range opts {
		opt(r)
	}
	h := e.Registered(j.Type)
	if h == nil || j.Status == model.Succeeded {
		return r, nil
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	r.Plan, err = plan.Of(h, data.Input)
	return r, err
}

// dead reports whether the lease of a processing job has expired.
func dead(row *store.Row) bool {
	return row.Status == model.Processing && row.Owner != "" && !row.LockedUntil.After(row.Now.Time)
}
