package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// linesView writes plain lines, for pipes and logs: the time, the status, the
// percent and what is new. What ended before the job was followed is told as of
// the time when it ended.
type linesView struct {
	out  *printer
	news *stepNews
	last string
}

func newLinesView(out *printer) *linesView {
	return &linesView{out: out, news: newStepNews(out)}
}

func (v *linesView) update(j *model.JobView) error {
	for _, step := range v.news.of(j) {
		// It ended while the job was processing, whatever that has become since.
		if err := v.write(step.at, lineHead(string(model.Processing), step.percent), step.text); err != nil {
			return err
		}
	}
	head, what := lineHead(lineState(j), j.Percent), v.out.lineWhat(j)
	if head+what == v.last {
		return nil
	}
	v.last = head + what
	return v.write(j.FinishedAt, head, what)
}

// write writes a line about that time, now if it is zero.
func (v *linesView) write(at model.Time, head, text string) error {
	if at.IsZero() {
		at = model.TimeOf(v.out.now())
	}
	line := fmt.Sprintf("%s %s %s", at.UTC().Format(time.RFC3339), head, text)
	return v.out.printf("%s\n", strings.TrimRight(line, " "))
}

func (v *linesView) close() {}

func lineHead(state string, percent int) string { return fmt.Sprintf("%s %3d%%", state, percent) }

// lineState is state without spaces, so that columns stay columns.
func lineState(j *model.JobView) string {
	switch {
	case j.LeaseExpired:
		return string(j.Status) + "(lease-expired)"
	case !j.Status.Ended() && j.CancelRequested:
		return string(j.Status) + "(cancel-requested)"
	default:
		return string(j.Status)
	}
}

// lineWhat tells the step and its message, or why the job ended.
func (p *printer) lineWhat(j *model.JobView) string {
	step, message := clean(j.CurrentStep), clean(j.Message)
	switch {
	case j.Status.Ended() && j.Error != "":
		return firstLine(j.Error)
	case j.Status.Ended():
		return ""
	case p.waiting(j) != "":
		return p.waiting(j)
	case step != "" && message != "":
		return step + ": " + message
	default:
		return step + message
	}
}
