package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/model"
)

// Migration is a migration and whether it is applied.
type Migration struct {
	Name      string
	Action    string // what it does, as a sentence
	Group     int64  // 0 if it is not applied
	AppliedAt time.Time
	Newer     bool // than this binary
}

// Migrations returns a table of migrations.
func Migrations(p *Printer, list []Migration) string {
	rows := make([]table.Row, len(list))
	for i, m := range list {
		applied := "no"
		if m.Group > 0 {
			applied = fmt.Sprintf("group %d", m.Group)
		}
		if m.Newer {
			applied += ", by a newer version"
		}
		rows[i] = table.Row{m.Name, applied, p.when(model.TimeOf(m.AppliedAt)), m.Action}
	}
	return p.table(table.Row{"MIGRATION", "APPLIED", "WHEN", "DOES"}, rows)
}

// Migrated says which migrations were "applied", say.
func Migrated(verb string, list []Migration) string {
	if len(list) == 0 {
		return "nothing to do\n"
	}
	var text strings.Builder
	for _, m := range list {
		fmt.Fprintf(&text, "%s %s: %s\n", verb, m.Name, m.Action)
	}
	return text.String()
}
