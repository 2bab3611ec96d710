package cli

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

// sketch makes the lines of a barsView, each at most width columns.
type barsRenderer struct {
	*model.JobView
	out   *printer
	width int
	rows  int           // of steps
	since time.Duration // since the status was read
}

// line is the line of the row of that number.
func (s barsRenderer) line(row int) string {
	switch row {
	case jobRow:
		return s.jobLine()
	case messageRow:
		return s.messageLine()
	default:
		return s.stepLine(row - jobRows)
	}
}

// jobLine is the name, the bar, the percent and the times.
func (s barsRenderer) jobLine() string {
	const least, most = 8, 40 // columns of the bar
	head := runewidth.Truncate(clean(s.Name), max(12, s.width/3), "…") + " "
	tail := fmt.Sprintf(" %3d%%  %s", s.Percent, s.times())
	room := s.width - runewidth.StringWidth(head) - runewidth.StringWidth(tail)
	if room < least {
		return s.fit(head + tail)
	}
	return head + paint(s.colour(), s.bar(min(room, most))) + tail
}

// bar draws the bar.
func (s barsRenderer) bar(width int) string {
	const scale = 1000
	style := mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░")
	var b bytes.Buffer
	_ = style.Build().Fill(&b, decor.Statistics{AvailableWidth: width, Total: scale, Current: int64(s.Progress * scale)}) // a buffer takes everything
	return b.String()
}

// times tells the status if the job does not run, how long it has run, and how
// long it may still run.
func (s barsRenderer) times() string {
	var parts []string
	if s.Status != model.Processing || s.LeaseExpired || s.CancelRequested {
		parts = append(parts, state(s.JobView))
	}
	if s.Status == model.Processing && s.ElapsedMS != nil {
		parts = append(parts, seconds(*s.ElapsedMS, s.since))
		if left := s.left(); left != "" {
			parts = append(parts, "about "+left+" left")
		}
	} else if s.Elapsed != "" {
		parts = append(parts, "in "+s.Elapsed)
	}
	return strings.Join(parts, ", ")
}

// left is the estimated time to the end, empty when there is none or it has
// passed.
func (s barsRenderer) left() string {
	if s.RemainingMS == nil || *s.RemainingMS-s.since.Milliseconds() < 1000 {
		return ""
	}
	return seconds(*s.RemainingMS, -s.since)
}

// seconds is a time that is told several times a second, without the tenths.
func seconds(ms int64, more time.Duration) string {
	d := time.Duration(ms)*time.Millisecond + more
	if d < time.Second {
		return "0s"
	}
	return progress.Humanize(d.Truncate(time.Second))
}

// messageLine is what the job says of itself.
func (s barsRenderer) messageLine() string { return s.fit("  " + clean(s.Message)) }

// stepLine is the line of the i-th row of steps. If there are fewer rows than
// steps, the rows show those around the current one.
func (s barsRenderer) stepLine(i int) string {
	if i += s.firstStep(); i >= len(s.Steps) {
		return ""
	}
	step := s.Steps[i]
	mark, code := "·", dim
	text := ""
	verb, detail := s.out.stepEnd(s.JobView, step)
	switch {
	case step.Status == model.StepRunning && s.Status == model.Processing:
		mark, code = "▸", plain
		text = fmt.Sprintf("%3.0f%%  %s", 100*s.stepProgress(i), seconds(*step.DurationMS, s.since))
	case step.Status == model.StepRunning:
		mark, code, text = "✗", red, "interrupted"
	case step.Status == model.StepWaiting:
		mark, code, text = "…", plain, s.out.waiting(s.JobView)
	case verb == "":
	case step.Status.Done():
		mark, code, text = "✓", green, stepSentence(verb, "", detail)
	default:
		mark, code, text = "✗", red, stepSentence(verb, "", detail)
	}
	line := fmt.Sprintf("  %s %s  %s", mark, runewidth.FillRight(clean(step.Name), s.nameWidth()), text)
	return paint(code, s.fit(strings.TrimRight(line, " ")))
}

// firstStep is the step in the first row.
func (s barsRenderer) firstStep() int {
	if len(s.Steps) <= s.rows {
		return 0
	}
	return min(max(0, s.StepsCompleted-s.rows/2), len(s.Steps)-s.rows)
}

// nameWidth is the width of the steps' names.
func (s barsRenderer) nameWidth() int {
	width := 0
	for _, step := range s.Steps {
		width = max(width, runewidth.StringWidth(clean(step.Name)))
	}
	return min(width, max(12, s.width/3))
}

// stepProgress is how far a running step is, from the job's progress: the rest
// of that are the weights of the completed steps.
func (s barsRenderer) stepProgress(i int) float64 {
	weight := s.Steps[i].Weight
	if weight <= 0 {
		return 0
	}
	done, total := model.Weigh(s.Steps)
	return min(1, max(0, (s.Progress*total-done)/weight))
}

// fit cuts a line to the width.
func (s barsRenderer) fit(line string) string {
	if s.width < 1 {
		return ""
	}
	return runewidth.Truncate(line, s.width, "…")
}

// colour is that of the job's bar.
func (s barsRenderer) colour() string {
	switch s.Status {
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
