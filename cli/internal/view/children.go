package view

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/model"
)

// childTable returns a table of the jobs that a job's steps have enqueued, which
// come with the newest first.
func (p *Printer) childTable(j *model.JobView, children []*model.JobView) string {
	stepOf := make(map[uuid.UUID]string)
	for _, step := range j.Steps {
		for _, id := range step.Children {
			stepOf[id] = step.Name
		}
	}
	var rows []table.Row
	for _, child := range slices.Backward(children) {
		rows = append(rows, table.Row{Clean(dash(stepOf[child.ID])), child.ID, shorten(Clean(child.Type), 30), state(child), progressOf(child), p.what(child)})
	}
	return p.table(table.Row{"STEP", "ITS JOB", "TYPE", "STATUS", "PROGRESS", "WHAT"}, rows)
}

// missingType says that this program does not have a type.
func missingType(jobType string) string {
	return fmt.Sprintf("This program does not have the type %q: the worker of another one has to run its jobs.", Clean(jobType))
}
