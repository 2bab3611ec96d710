package view

import (
	"io"

	"github.com/ntxdev/jobsystem/model"
)

// Live shows a job while it is followed.
type Live interface {
	// Update shows the job as it is now. It is called at each change.
	Update(*model.JobView) error
	// Close ends the view; what it has shown stays. It may be called again.
	Close()
}

// NewLive returns the view for the output that there is: lines of JSON, bars on a
// terminal, plain lines elsewhere. Beside gets what is written to the view while
// it draws nothing: see [Beside].
func NewLive(out *Printer, beside io.Writer) Live {
	switch {
	case out.JSON:
		return &jsonLines{out: out}
	case out.terminal:
		return newBars(out, beside)
	default:
		return newLines(out)
	}
}

// Beside returns where something else than the progress goes while a view shows
// that: above the bars, or else to that writer.
func Beside(live Live, otherwise io.Writer) io.Writer {
	if w, ok := live.(io.Writer); ok {
		return w
	}
	return otherwise
}
