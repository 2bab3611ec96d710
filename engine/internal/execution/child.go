package execution

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// child is a job that a step has enqueued. job is nil if its row was removed.
type child struct {
	id  uuid.UUID
	job *model.Job
}

// open reports whether the child runs or will run.
func (c child) open() bool {
	return c.job != nil && !c.job.Status.Ended() && c.job.DeletedAt.IsZero()
}

// countOpen counts the children that have not ended.
func countOpen(children []child) (n int) {
	for _, c := range children {
		if c.open() {
			n++
		}
	}
	return n
}

// countLate counts the children that ended after a time, by the database's clock; the
// zero time is never.
func countLate(children []child, deadline model.Time) (n int) {
	for _, c := range children {
		if c.job != nil && !deadline.IsZero() && c.job.FinishedAt.After(deadline.Time) {
			n++
		}
	}
	return n
}

// result returns how the child has ended, for the output of the parent's step.
func (c child) result() model.ChildResult {
	if c.job == nil {
		return model.ChildResult{ID: c.id, Status: model.Cancelled, Error: "its row is gone"}
	}
	result := model.ChildResult{ID: c.id, Type: c.job.Type, Status: c.job.Status, Error: c.job.Error}
	if data, err := model.ParseData(c.job.Data); err == nil {
		result.Result = data.Result
	}
	if !c.job.Status.Ended() { // a deleted job does not run
		result.Status, result.Error = model.Cancelled, "it was deleted"
	}
	return result
}

// failure returns why the child has not succeeded, nil if it has.
func (c child) failure() error {
	result := c.result()
	switch {
	case result.Status == model.Succeeded:
		return nil
	case c.job == nil || !c.job.Status.Ended():
		return fmt.Errorf("job %s: %s; to enqueue the step's jobs again, rerun the job from this step", c.id, result.Error)
	case result.Status == model.Cancelled && c.job.CancelledBy != "":
		return fmt.Errorf("job %s of type %q was cancelled by %s", c.id, result.Type, c.job.CancelledBy)
	case result.Error == "":
		return fmt.Errorf("job %s of type %q is %s", c.id, result.Type, result.Status)
	default:
		return fmt.Errorf("job %s of type %q is %s: %s", c.id, result.Type, result.Status, result.Error)
	}
}
