package view

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/ntxdev/jobsystem/model"
)

// bars draws a job on a terminal: a bar for the whole, its message, and a
// line for each step. The lines are drawn by mpb's goroutines from the last
// status, several times a second, so that times run on between two updates.
type bars struct {
	out    *Printer
	beside io.Writer // gets what is written when nothing is drawn
	rows   []*mpb.Bar

	mu    sync.Mutex
	board *mpb.Progress // nil before the first update
	steps int           // rows of steps
	last  *model.JobView
	seen  time.Time // when
}

func newBars(out *Printer, beside io.Writer) *bars {
	return &bars{out: out, beside: beside}
}

func (v *bars) Update(j *model.JobView) error {
	v.mu.Lock()
	v.last, v.seen = j, v.out.now()
	if v.steps == 0 {
		v.steps = v.stepRows(len(j.Steps))
	}
	if v.board == nil {
		v.board = mpb.New(mpb.WithOutput(v.out.w))
	}
	rows := jobRows + v.steps
	v.mu.Unlock()
	for len(v.rows) < rows {
		if err := v.add(len(v.rows)); err != nil {
			return fmt.Errorf("draw the progress: %w", err)
		}
	}
	return nil
}

// stepRows returns how many steps are shown at once: mpb loses its place on a board
// that is higher than the terminal.
func (v *bars) stepRows(steps int) int {
	const others, unknown = 4, 10 // the job's rows, a margin, and the prompt
	_, height := v.out.size()
	if height == 0 {
		return min(steps, unknown)
	}
	return max(0, min(steps, height-others))
}

// add adds the row of that number. mpb's own counting is not used: a job may
// fall back, by a restart, and may be at 100% before it has ended.
func (v *bars) add(row int) error {
	filler := mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		// The last column stays free: some terminals begin a new line there.
		_, err := io.WriteString(w, v.renderer(st.AvailableWidth-1).line(row))
		return err
	})
	bar, err := v.board.Add(0, filler, mpb.BarFillerTrim())
	if err != nil {
		return err
	}
	v.rows = append(v.rows, bar)
	return nil
}

// renderer returns what a row is drawn with at this moment.
func (v *bars) renderer(width int) barsRenderer {
	v.mu.Lock()
	defer v.mu.Unlock()
	return barsRenderer{JobView: v.last, out: v.out, width: width, rows: v.steps, since: v.out.now().Sub(v.seen)}
}

// Write writes lines above the bars.
func (v *bars) Write(text []byte) (int, error) {
	v.mu.Lock()
	board := v.board
	v.mu.Unlock()
	if board != nil {
		if n, err := board.Write(text); err == nil {
			return n, nil
		}
	}
	return v.beside.Write(text)
}

func (v *bars) Close() {
	if len(v.rows) == 0 {
		return
	}
	for i, row := range v.rows {
		row.Abort(i == messageRow) // the message is of no use any more
	}
	v.rows = nil
	v.board.Wait()
}
