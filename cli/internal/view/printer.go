package view

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Printer is the one way for results to the standard output: as text for people
// or as JSON for programs.
type Printer struct {
	// JSON: the user wants JSON.
	JSON bool

	w io.Writer
	// terminal is set if w is one that can be drawn on; see size.
	terminal bool
	now      func() time.Time
}

// NewPrinter returns a printer for text that writes to w.
func NewPrinter(w io.Writer, now func() time.Time) *Printer {
	p := &Printer{w: w, now: now, terminal: isTerminal(w)}
	width, _ := p.size()
	p.terminal = p.terminal && width > 0 // some that programs make have no size
	return p
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

// size returns the size of the terminal now, in characters; 0 if there is none.
func (p *Printer) size() (width, height int) {
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

// Document writes a document as JSON, indented.
func (p *Printer) Document(document any) error { return p.encode(document, "  ") }

// Line writes a document as one line of JSON.
func (p *Printer) Line(document any) error { return p.encode(document, "") }

func (p *Printer) encode(document any, indent string) error {
	encoder := json.NewEncoder(p.w)
	encoder.SetEscapeHTML(false) // it is for programs and people, not for a page
	encoder.SetIndent("", indent)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// Print writes text for people, as it is.
func (p *Printer) Print(text string) error {
	if _, err := io.WriteString(p.w, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// Writer returns where the printer writes to, for libraries that write by
// themselves.
func (p *Printer) Writer() io.Writer { return p.w }
