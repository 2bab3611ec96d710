package view

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

// The first rows; the others are the steps'.
const (
	jobRow     = 0
	messageRow = 1
	jobRows    = 2
)

// barsRenderer makes the lines of bars, each at most width columns.
type barsRenderer struct {
	*model.JobView
	out   *Printer
	width int
	rows  int           // of steps
	since time.Duration // since the status was read
}

// line returns the line of the row of that number.
func (r barsRenderer) line(row int) string {
	switch row {
	case jobRow:
		return r.jobLine()
	case messageRow:
		return r.messageLine()
	default:
		return r.stepLine(row - jobRows)
	}
}

// jobLine returns the name, the bar, the percent and the times.
func (r barsRenderer) jobLine() string {
	const least, most = 8, 40 // columns of the bar
	head := runewidth.Truncate(Clean(r.Name), max(12, r.width/3), "…") + " "
	tail := fmt.Sprintf(" %3d%%  %s", r.Percent, r.times())
	room := r.width - runewidth.StringWidth(head) - runewidth.StringWidth(tail)
	if room < least {
		return r.fit(head + tail)
	}
	return head + paint(r.colour(), r.bar(min(room, most))) + tail
}

// bar draws the bar.
func (r barsRenderer) bar(width int) string {
	const scale = 1000
	style := mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░")
	var b bytes.Buffer
	_ = style.Build().Fill(&b, decor.Statistics{AvailableWidth: width, Total: scale, Current: int64(r.Progress * scale)}) // a buffer takes everything
	return b.String()
}

// times says the status if the job does not run, how long it has run, and how
// long it may still run.
func (r barsRenderer) times() string {
	var parts []string
	if r.Status != model.Processing || r.LeaseExpired || r.CancelRequested || r.Stalled {
		parts = append(parts, state(r.JobView))
	}
	if r.Status == model.Processing && r.ElapsedMS != nil {
		parts = append(parts, seconds(*r.ElapsedMS, r.since))
		if left := r.left(); left != "" {
			parts = append(parts, "about "+left+" left")
		}
	} else if r.Elapsed != "" {
		parts = append(parts, "in "+r.Elapsed)
	}
	return strings.Join(parts, ", ")
}

// left returns the estimated time to the end, empty when there is none or it has
// passed.
func (r barsRenderer) left() string {
	if r.RemainingMS == nil || *r.RemainingMS-r.since.Milliseconds() < 1000 {
		return ""
	}
	if r.RemainingP90MS != nil {
		now := func(ms int64) time.Duration {
			return (time.Duration(ms)*time.Millisecond - r.since).Truncate(time.Second)
		}
		return progress.HumanizeRange(now(*r.RemainingMS), now(*r.RemainingP90MS))
	}
	return seconds(*r.RemainingMS, -r.since)
}

// seconds returns a time that is drawn several times a second, without the tenths.
func seconds(ms int64, more time.Duration) string {
	d := time.Duration(ms)*time.Millisecond + more
	if d < time.Second {
		return "0s"
	}
	return progress.Humanize(d.Truncate(time.Second))
}

// messageLine returns what the job says of itself.
func (r barsRenderer) messageLine() string { return r.fit("  " + Clean(r.Message)) }

// stepLine returns the line of the i-th row of steps. If there are fewer rows than
// steps, the rows show those around the current one.
func (r barsRenderer) stepLine(i int) string {
	if i += r.firstStep(); i >= len(r.Steps) {
		return ""
	}
	step := r.Steps[i]
	mark, code := "·", dim
	text := ""
	verb, detail := r.out.stepEnd(r.JobView, step)
	switch {
	case step.Status == model.StepRunning && r.Status == model.Processing:
		mark, code = "▸", plain
		text = fmt.Sprintf("%3.0f%%  %s", 100*r.stepProgress(i), seconds(*step.DurationMS, r.since))
	case step.Status == model.StepRunning:
		mark, code, text = "✗", red, "interrupted"
	case step.Status == model.StepWaiting:
		mark, code, text = "…", plain, r.out.waiting(r.JobView)
	case verb == "":
	case step.Status.Done():
		mark, code, text = "✓", green, stepSentence(verb, "", detail)
	default:
		mark, code, text = "✗", red, stepSentence(verb, "", detail)
	}
	line := fmt.Sprintf("  %s %s  %s", mark, runewidth.FillRight(Clean(step.Name), r.nameWidth()), text)
	return paint(code, r.fit(strings.TrimRight(line, " ")))
}

// firstStep returns the step in the first row.
func (r barsRenderer) firstStep() int {
	if len(r.Steps) <= r.rows {
		return 0
	}
	return min(max(0, r.StepsCompleted-r.rows/2), len(r.Steps)-r.rows)
}

// nameWidth returns the width of the steps' names.
func (r barsRenderer) nameWidth() int {
	width := 0
	for _, step := range r.Steps {
		width = max(width, runewidth.StringWidth(Clean(step.Name)))
	}
	return min(width, max(12, r.width/3))
}

// stepProgress returns how much of a running step is done, from the job's progress:
// the rest of that are the weights of the completed steps.
func (r barsRenderer) stepProgress(i int) float64 {
	weight := r.Steps[i].Weight
	if weight <= 0 {
		return 0
	}
	done, total := model.Weigh(r.Steps)
	return min(1, max(0, (r.Progress*total-done)/weight))
}

// fit cuts a line to the width.
func (r barsRenderer) fit(line string) string {
	if r.width < 1 {
		return ""
	}
	return runewidth.Truncate(line, r.width, "…")
}

// colour returns that of the job's bar.
func (r barsRenderer) colour() string {
	switch r.Status {
	case model.Succeeded:
		return green
	case model.Failed, model.Cancelled:
		return red
	default:
		return plain
	}
}

// The colours, as terminals know them.
const (
	plain = ""
	dim   = "2"
	red   = "31"
	green = "32"
)

// paint colours text, unless the user does not want that.
func paint(code, text string) string {
	if code == plain || text == "" || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
