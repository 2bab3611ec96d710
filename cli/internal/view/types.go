package view

import (
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/model"
)

// Type is a job type with the number of its jobs in each status.
type Type struct {
	Type       string
	Registered bool
	Jobs       map[model.Status]int
}

// Types returns a table of job types.
func Types(p *Printer, types []Type) string {
	header := table.Row{"TYPE", "REGISTERED"}
	for _, status := range model.Statuses() {
		header = append(header, string(status))
	}
	rows := make([]table.Row, len(types))
	for i, t := range types {
		rows[i] = table.Row{Clean(t.Type), yesNo(t.Registered)}
		for _, status := range model.Statuses() {
			rows[i] = append(rows[i], t.Jobs[status])
		}
	}
	return p.table(header, rows)
}
