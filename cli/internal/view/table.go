package view

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// table returns rows under a header. On a terminal that is too narrow, rows are
// cut and end with a "~".
func (p *Printer) table(header table.Row, rows []table.Row) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleDefault)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = "", "  "
	t.Style().Size.WidthMax, _ = p.size()
	t.SuppressTrailingSpaces()
	t.AppendHeader(header)
	t.AppendRows(rows)
	return t.Render() + "\n"
}

// sheet is a list of labels and values.
type sheet struct{ strings.Builder }

// add adds a value on one line, unless it is empty.
func (s *sheet) add(label, value string) {
	if value != "" {
		fmt.Fprintf(s, "%-11s %s\n", label, Clean(value))
	}
}

// addLines adds a value that may have several lines, unless it is empty.
func (s *sheet) addLines(label, value string) {
	for i, line := range strings.Split(CleanLines(value), "\n") {
		switch {
		case i == 0:
			s.add(label, line)
		case line != "":
			fmt.Fprintf(s, "%-11s %s\n", "", line)
		}
	}
}
