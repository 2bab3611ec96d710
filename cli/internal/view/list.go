package view

import (
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/model"
)

// List returns a table of jobs.
func List(p *Printer, jobs []*model.JobView) string {
	rows := make([]table.Row, len(jobs))
	for i, j := range jobs {
		rows[i] = table.Row{j.ID, shorten(Clean(j.Type), 30), state(j), progressOf(j), p.when(j.CreatedAt), shorten(Clean(j.Name), 30), p.what(j)}
	}
	return p.table(table.Row{"ID", "TYPE", "STATUS", "PROGRESS", "CREATED", "NAME", "WHAT"}, rows)
}
