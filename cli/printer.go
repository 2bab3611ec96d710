package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/term"
)

// printer is the one layer through which results go out: as text for people or
// as JSON for programs.
type printer struct {
	w    io.Writer
	json bool
	// terminal is set if w is one that can be drawn on; see width.
	terminal bool
	now      func() time.Time
}

func newPrinter(w io.Writer, now func() time.Time) *printer {
	p := &printer{w: w, now: now, terminal: isTerminal(w)}
	width, _ := p.size()
	p.terminal = p.terminal && width > 0 // some that programs make have no size
	return p
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

// size is that of the terminal now, in characters; 0 if there is none.
func (p *printer) size() (width, height int) {
	file, ok := p.w.(*os.File)
	if !ok || !p.terminal {
		return 0, 0
	}
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// result writes the document as JSON, or calls text to write it for people.
func (p *printer) result(document any, text func() error) error {
	if p.json {
		return p.document(document, "  ")
	}
	return text()
}

// line writes the document as one line of JSON.
func (p *printer) line(document any) error { return p.document(document, "") }

func (p *printer) document(document any, indent string) error {
	encoder := json.NewEncoder(p.w)
	encoder.SetEscapeHTML(false) // it is for programs and people, not for a page
	encoder.SetIndent("", indent)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// printf writes text for people.
func (p *printer) printf(format string, args ...any) error {
	if _, err := fmt.Fprintf(p.w, format, args...); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// table writes rows under a header. On a terminal that is too narrow, rows are
// cut and end with a "~".
func (p *printer) table(header table.Row, rows []table.Row) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleDefault)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = "", "  "
	t.Style().Size.WidthMax, _ = p.size()
	t.SuppressTrailingSpaces()
	t.AppendHeader(header)
	t.AppendRows(rows)
	return p.printf("%s\n", t.Render())
}
