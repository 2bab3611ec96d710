package demo

import (
	"encoding/json"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/model"
)

// Job is a job that shows what the system does: cli.Demo without its public type.
type Job struct {
	Type  string
	Name  string
	Usage string
	Input json.RawMessage
	Where func(*model.JobView) string
}

// demo is a demo that runs.
type demo struct {
	*app.Session
	job   *Job
	live  view.Live
	input json.RawMessage // empty for that of the job
}
