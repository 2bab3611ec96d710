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

// RerunFrom has the job go on with that step: it and the steps behind it in the
// definition run again, whatever is recorded of them, but for those that [SkipStep]
// names; conditions, signals and children are asked for anew. Their records are
// kept as history in the job's data, the oldest of which is dropped when there
// is no room for it. The steps before it must be done, or be new in the
// definition. Steps that are run again are not undone before. The last one given
// counts.
//
// Where the job's type is not registered, the steps are those of the record.
func RerunFrom(step string) ResumeOption {
	return func(r *plan.Resume) { r.From, r.Rewinds = step, true }
}

// SkipStep has the job go on behind that step, which is recorded as skipped and has
// no output: for a step whose process died in the middle of it, and whose effect
// somebody has found to have happened. It must have begun, and not be done. It
// may be given for several steps: those of a group.
func SkipStep(step string) ResumeOption {
	return func(r *plan.Resume) { r.Skips = append(r.Skips, step) }
}

// Resume puts a failed or cancelled job back to scheduled with its record: it
// goes on with the first step that is not done. If its type is registered here,
// it is checked first that the record fits the definition. A job whose engine
// was killed can be resumed once its lease has run out. The steps' retries begin
// anew, without the delay that may be under way. A job of which steps were being
// undone goes on with that, unless [RerunFrom] begins somewhere. One whose process
// died in the middle of a [steps.StopOnCrash] step is refused, with an
// [InDoubtError], unless [RerunFrom] or [SkipStep] says what becomes of that. A record
// that does not fit is an [ErrDrift], what else cannot be an [ErrInvalid]; neither
// changes anything.
func (c *Client) Resume(ctx context.Context, id uuid.UUID, opts ...ResumeOption) error {
	row, err := c.row(ctx, "resume", id)
	if err != nil {
		return err
	}
	// The plan is the host's code, which may use the database: it is made
	// before the row is locked. Its input never changes.
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

// DryRun tells what Resume with these options would do with each step, and
// changes nothing. It fails as Resume would, together with what it tells if that
// is because the record does not fit; the job's type must be registered here.
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
	if dead(row) { // a resume settles it first
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

// resumption makes the plan of a job, if its type is registered here, and takes
// the options.
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

// dead reports whether a job's engine is gone, so that a resume settles it.
func dead(row *store.Row) bool {
	return row.Status == model.Processing && row.Owner != "" && !row.LockedUntil.After(row.Now.Time)
}
