package execution

import (
	"errors"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// mismatchError says that the definition here cannot run a job on which an engine has worked
// whose definition could: the two differ, as those of two versions do during a deploy.
type mismatchError struct{ error }

func (e mismatchError) Unwrap() error { return e.error }

// match makes the job's plan and matches its records with that. It returns a mismatchError
// where another definition may still run the job, and the error with which it fails
// otherwise.
func (r *run) match(handler Handler, data model.Data) (*plan.Plan, *plan.Match, error) {
	may := r.leaveTime(data) > 0
	mismatch := func(err error) (*plan.Plan, *plan.Match, error) {
		if may {
			err = mismatchError{err}
		}
		return nil, nil, err
	}
	made, err := plan.Of(handler, data.Input)
	if err != nil {
		return mismatch(err)
	}
	match := made.Match(data, r.Limits)
	switch err := match.Err(); {
	case errors.Is(err, plan.ErrDrift):
		return mismatch(err)
	case err != nil:
		return nil, nil, err
	}
	if step := made.Lacks(data); step != "" && may {
		return mismatch(fmt.Errorf("%w: it has not run step %q yet, which the definition lacks: declare it as removed if it must not run any more", plan.ErrDrift, step))
	}
	return made, match, nil
}

// leaveTime returns how long the job may be left to engines with another definition, from
// its claim on. It is 0 if that time is over, and for a job without a plan: then no engine
// has found that a definition fits it.
func (r *run) leaveTime(data model.Data) time.Duration {
	if data.Plan == nil || data.Plan.Fingerprint == "" {
		return 0
	}
	if !r.job.LeftUntil.IsZero() {
		return r.job.LeftUntil.Sub(r.job.StartedAt.Time)
	}
	return r.DeployWindow
}

// leave returns the ending of a run whose job is left to other engines, because of a
// mismatchError. Nothing of the job has changed. The engine that fits claims it, in the order
// in which the jobs of the type are due; if none does in time, one that does not fits ends
// it as it would have without that.
func (r *run) leave(err error) (e ending, left bool) {
	if !errors.As(err, new(mismatchError)) {
		return ending{}, false
	}
	data, parseErr := model.ParseData(r.job.Data)
	if parseErr != nil {
		return ending{}, false
	}
	r.edit(func() { r.data = data }) // it says what a cancel request means for this end
	howLong := r.leaveTime(data)
	r.dispatch.Leave(r.job.Type, r.job.ID, howLong)
	return ending{
		status: model.Scheduled, err: r.cutJobError(err.Error()),
		leftUntil: model.TimeOf(r.job.StartedAt.Add(howLong)),
	}, true
}
