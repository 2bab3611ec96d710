package view

import (
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/model"
)

// Forecast returns a table of what a resume would do with each step.
func Forecast(p *Printer, list []model.ForecastStep) string {
	rows := make([]table.Row, len(list))
	for i, step := range list {
		rows[i] = table.Row{step.Action, Clean(step.Step), Clean(step.Why)}
	}
	return p.table(table.Row{"DOES", "STEP", "WHY"}, rows)
}
