package view

import (
	"fmt"
	"strings"

	"github.com/ntxdev/jobsystem/model"
)

// stepEnd says how a step of a job ended: "done" "in 7.1s". The verb is empty for
// a step that has not ended.
func (p *Printer) stepEnd(j *model.JobView, step model.StepView) (verb, detail string) {
	after := ""
	if step.Duration != "" {
		after = "after " + step.Duration
	}
	switch step.Status {
	case model.StepCompleted:
		if byEarlierRun(j, step) {
			return "skipped", "completed " + p.at(step.FinishedAt) + " by an earlier run"
		}
		return "done", "in " + step.Duration
	case model.StepSkipped:
		return "skipped", firstLine(step.Error)
	case model.StepFailed:
		return "failed", strings.TrimPrefix(after+": "+firstLine(step.Error), ": ")
	case model.StepUndone:
		return "undone", ""
	case model.StepCancelled, model.StepInterrupted:
		return string(step.Status), after
	default:
		return "", ""
	}
}

// byEarlierRun reports whether a completed step is one that the latest run did
// not have to run.
func byEarlierRun(j *model.JobView, step model.StepView) bool {
	return step.FinishedAt.Before(j.StartedAt.Time)
}

// stepSentence words a step's end: "done rank in 7.1s", "skipped load: completed
// 3m ago by an earlier run". Without a name it is what follows the name.
func stepSentence(verb, name, detail string) string {
	words := strings.TrimSpace(verb + " " + name)
	if verb == "skipped" {
		words += ":"
	}
	return strings.TrimSpace(words + " " + detail)
}

// endedStep is a step's end, for a line of its own.
type endedStep struct {
	at      model.Time // zero if not known
	percent int        // of the job's, when it did
	text    string
}

// stepEnds reports each end of a step once.
type stepEnds struct {
	out      *Printer
	reported map[string]bool
}

func newStepEnds(out *Printer) *stepEnds {
	return &stepEnds{out: out, reported: make(map[string]bool)}
}

// in returns what is new in a status, at most one end for each step.
func (e *stepEnds) in(j *model.JobView) []endedStep {
	if j.Status == model.Scheduled && j.WaitsFor == "" {
		return nil // which run its records are from shows when it runs
	}
	var list []endedStep
	for i, step := range j.Steps {
		verb, detail := e.out.stepEnd(j, step)
		key := fmt.Sprintf("%s %s %d", step.Name, step.Status, step.FinishedAt.UnixMicro())
		if verb == "" || e.reported[key] || !step.Status.Done() && step.FinishedAt.Before(j.StartedAt.Time) {
			continue
		}
		e.reported[key] = true
		list = append(list, endedStep{endOf(j, step), percentAt(j, i), stepSentence(verb, Clean(step.Name), detail)})
	}
	return list
}

// endOf returns when a run was done with a step: with one of an earlier run when
// it began, and with one that was not needed any more when it ended.
func endOf(j *model.JobView, step model.StepView) model.Time {
	switch {
	case step.FinishedAt.IsZero():
		return j.FinishedAt
	case byEarlierRun(j, step):
		return j.StartedAt
	default:
		return step.FinishedAt
	}
}

// percentAt returns the job's percent at the end of its i-th step. With a step that
// is not completed the run ends, so that the job is where it was then.
func percentAt(j *model.JobView, i int) int {
	done, _ := model.Weigh(j.Steps[:i+1])
	_, total := model.Weigh(j.Steps)
	if total <= 0 || !j.Steps[i].Status.Done() {
		return j.Percent
	}
	const rounding = 1e-9
	return int(100*done/total + rounding)
}
