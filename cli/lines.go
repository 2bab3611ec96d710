package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// linesView writes plain lines, for pipes and logs: the time, the status, the
// percent and what is new.
type linesView struct {
	out  *printer
	news *stepNews
	last string
}

func newLinesView(out *printer) *linesView {
	return &linesView{out: out, news: newStepNews(out)}
}

func (v *linesView) update(j *model.JobStatus) error {
	head := fmt.Sprintf("%s %3d%%", lineState(j), j.Percent)
	for _, text := range v.news.of(j) {
		if err := v.write(head, text); err != nil {
			return err
		}
	}
	what := lineWhat(j)
	if head+what == v.last {
		return nil
	}
	v.last = head + what
	return v.write(head, what)
}

func (v *linesView) write(head, text string) error {
	line := fmt.Sprintf("%s %s %s", v.out.now().UTC().Format(time.RFC3339), head, text)
	return v.out.printf("%s\n", strings.TrimRight(line, " "))
}

func (v *linesView) close() {}

// lineState is state without spaces, so that columns stay columns.
func lineState(j *model.JobStatus) string {
	switch {
	case j.LeaseExpired:
		return string(j.Status) + "(lease-expired)"
	case j.Status == model.Processing && j.CancelRequested:
		return string(j.Status) + "(cancel-requested)"
	default:
		return string(j.Status)
	}
}

// lineWhat tells the step and its message, or why the job ended.
func lineWhat(j *model.JobStatus) string {
	step, message := clean(j.CurrentStep), clean(j.Message)
	switch {
	case j.Status.Ended() && j.Error != "":
		return firstLine(j.Error)
	case j.Status.Ended():
		return ""
	case step != "" && message != "":
		return step + ": " + message
	default:
		return step + message
	}
}
