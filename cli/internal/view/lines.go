package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// lines writes plain lines, for pipes and logs: the time, the status, the
// percent and what is new. What ended before the job was followed gets the time at
// which it ended.
type lines struct {
	out  *Printer
	ends *stepEnds
	last string
	// percent is the highest that was shown. The end of a step is shown with the percent
	// that its job had then, which may be less than an earlier run had reached already.
	percent int
}

func newLines(out *Printer) *lines {
	return &lines{out: out, ends: newStepEnds(out)}
}

func (v *lines) Update(j *model.JobView) error {
	if j.Percent < v.percent { // only a restart makes a job fall back
		v.percent = j.Percent
	}
	for _, step := range v.ends.in(j) {
		// It ended while the job was processing, whatever that has become since.
		if err := v.write(step.at, lineHead(string(model.Processing), v.reached(step.percent)), step.text); err != nil {
			return err
		}
	}
	head, what := lineHead(lineState(j), v.reached(j.Percent)), v.out.lineWhat(j)
	if head+what == v.last {
		return nil
	}
	v.last = head + what
	return v.write(j.FinishedAt, head, what)
}

// reached returns the percent to show for one that a job has.
func (v *lines) reached(percent int) int {
	v.percent = max(v.percent, percent)
	return v.percent
}

// write writes a line about that time, now if it is zero.
func (v *lines) write(at model.Time, head, text string) error {
	if at.IsZero() {
		at = model.TimeOf(v.out.now())
	}
	line := fmt.Sprintf("%s %s %s", at.UTC().Format(time.RFC3339), head, text)
	return v.out.Print(strings.TrimRight(line, " ") + "\n")
}

func (v *lines) Close() {}

func lineHead(state string, percent int) string { return fmt.Sprintf("%s %3d%%", state, percent) }

// lineState is state without spaces, so that columns stay columns.
func lineState(j *model.JobView) string {
	switch {
	case j.LeaseExpired:
		return string(j.Status) + "(lease-expired)"
	case !j.Status.Ended() && j.CancelRequested:
		return string(j.Status) + "(cancel-requested)"
	case j.Stalled:
		return string(j.Status) + "(stalled)"
	default:
		return string(j.Status)
	}
}

// lineWhat says the step and its message, or why the job ended.
func (p *Printer) lineWhat(j *model.JobView) string {
	switch {
	case j.Status.Ended() && j.Error != "":
		return firstLine(j.Error)
	case j.Status.Ended():
		return ""
	case p.waiting(j) != "":
		return p.waiting(j)
	default:
		return stepAndMessage(j)
	}
}
