package view

import (
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Enqueued says which job an enqueue has made or found.
func Enqueued(p *Printer, job *model.Job) string {
	verb := "enqueued"
	if job.Existing {
		verb = "exists already:"
	}
	return fmt.Sprintf("%s job %s of type %s: %s, due %s\n", verb, job.ID, Clean(job.Type), job.Status, p.when(job.ScheduledAt))
}
