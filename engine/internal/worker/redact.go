package worker

import "github.com/ntxdev/jobsystem/model"

// shown is an error of the run as the log may tell it: steps, and the code that
// reads their inputs, put values into their errors.
func (r *run) shown(text string) string {
	if r.worker.Redact == nil {
		return text
	}
	return r.worker.Redact.Of(r.asRow()).Text(text)
}

// asRow is the job with all that the run knows of its values.
func (r *run) asRow() *model.Job {
	j := *r.job
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.data.Input != nil {
		j.Data = mustJSON(r.data)
	}
	if checkpoints, err := r.checkpoints.JSON(); err == nil {
		j.Checkpoints = checkpoints
	}
	return &j
}
