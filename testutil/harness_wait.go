package testutil

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// RunToWait runs the scheduled job until it has ended or waits for something: a time, a
// signal, the next attempt of a step after a delay of more than Config.RetryInPlace. It
// returns the status then: a job that waits is scheduled, and its WaitsFor says for what. A
// wait for children does not end RunToWait, since those run here too (see [Beside]).
func (h *Harness) RunToWait() *model.JobView {
	h.t.Helper()
	h.runnable()
	p := h.prepare()
	before := h.row().Attempt
	h.start(p)
	status := h.await(p, "the job's end, or that it waits", func(s *model.JobView) bool {
		return ended(s) || s.Attempt > before && parked(s)
	})
	h.stop(p)
	return status
}

// parked reports whether a job waits for something that does not happen by itself soon.
func parked(s *model.JobView) bool {
	return s.Status == model.Scheduled && s.WaitsFor != "" && !waitsForChildren(s)
}

// waitsForChildren reports whether a job continues when its children have ended.
func waitsForChildren(s *model.JobView) bool {
	return slices.ContainsFunc(s.Steps, func(step model.StepView) bool {
		return step.Status == model.StepWaiting && len(step.Children) > 0
	})
}

// SkipWait ends what the job waits for: its sleep, the delay before the next attempt of a
// step, the timeout of a signal (the step times out then), or the time that it was
// scheduled for. The next run continues with that. It ends the test if the job waits for
// nothing, for a signal without a timeout, or for children.
//
// No time passes: the times in the record are as if the wait had been shorter. If a test
// needs time to pass, use virtual time; see the package.
func (h *Harness) SkipWait() {
	h.t.Helper()
	job := h.row()
	switch waiting, err := waits(job); {
	case err != nil:
		h.must("skip the wait", err)
	case job.Status != model.Scheduled:
		h.fatal("skip the wait: the job is %s and waits for nothing", job.Status)
	case !waiting:
		h.fatal("skip the wait: the job is due and waits for nothing: a step waits once RunToWait has come to it")
	}
	h.must("skip the wait", h.skipWait(job))
}

// waits reports whether a scheduled job waits, for a step or for its time. A wait that is
// over but was not noticed counts.
func waits(job *model.Job) (bool, error) {
	data, err := model.ParseData(job.Data)
	if err != nil {
		return false, err
	}
	waiting := func(r model.StepRecord) bool { return r.Status == model.StepWaiting }
	later := job.ScheduledAt.After(time.Now()) || job.Attempt == 0 && job.ScheduledAt.After(job.CreatedAt.Time)
	return later || slices.ContainsFunc(data.Steps, waiting), nil
}

// skipWait changes the job if it still waits as in job.
func (h *Harness) skipWait(job *model.Job) error {
	data, err := model.ParseData(job.Data)
	if err != nil {
		return err
	}
	for i := range data.Steps {
		record := &data.Steps[i]
		switch {
		case record.Status != model.StepWaiting:
			continue
		case len(record.Children) > 0:
			return fmt.Errorf("step %q waits for its children: let them run, with Run", record.Name)
		case record.WaitUntil.IsZero():
			return fmt.Errorf("step %q waits for the signal %q without a timeout: send it, with Signal", record.Name, record.Awaits)
		}
		record.WaitUntil = job.CreatedAt
	}
	raw, err := data.JSON()
	if err != nil {
		return err
	}
	job.Data = raw
	return h.makeDue(job)
}

// makeDue makes a job due now, with that document, if it still waits as in job.
func (h *Harness) makeDue(job *model.Job) error {
	ctx, cancel := h.limit()
	defer cancel()
	_, err := h.db.NewUpdate().Model((*model.Job)(nil)).Set("data = ?", string(job.Data)).Set("scheduled_at = created_at").
		Where("id = ?", job.ID.String()).Where("status = ?", string(model.Scheduled)).Where("attempt = ?", job.Attempt).Exec(ctx)
	return err
}

// Signal sends the job the signal that a step made with [steps.AwaitSignal] waits for, or
// will wait for. It ends the test if there is no such step.
func (h *Harness) Signal(name string, payload any) {
	h.t.Helper()
	h.must("signal", awaited(h.plan(), name))
	ctx, cancel := h.limit()
	defer cancel()
	_, err := h.engine.Signal(ctx, h.followed(), name, payload, "test")
	h.must("signal", err)
}

// awaited returns an error if no step of the plan waits for that signal: none has or had
// that name.
func awaited(plan *plan.Plan, name string) error {
	var names []string
	for _, step := range plan.Steps {
		if step.AwaitSignal {
			names = append(append(names, step.Name), step.OldNames...)
		}
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("no step awaits the signal %q: those for this input await %q", name, names)
	}
	return nil
}

// RequireStep returns the record of a step, and ends the test if there is none or it does
// not have that status.
func (h *Harness) RequireStep(step string, status model.StepStatus) model.StepRecord {
	h.t.Helper()
	records := h.Records()
	i := model.Data{Steps: records}.Step(step)
	switch {
	case i < 0:
		h.fatal("step %q has no record, and should be %s", step, status)
	case records[i].Status != status:
		h.fatal("step %q is %s, and should be %s", step, records[i].Status, status)
	}
	return records[i]
}

// ErrInjected is the error of an attempt that [Harness.FailStep] makes fail.
var ErrInjected = errors.New("the test makes the step fail")

// FailStep makes the next attempts of a step fail, that many of them, with [ErrInjected]
// and without a call of its function. It ends the test if the job has no such step, or one
// that only waits and calls no function.
func (h *Harness) FailStep(step string, times int) {
	h.t.Helper()
	plan := h.plan()
	i, err := planned(plan, step)
	if err == nil && !calls(&plan.Steps[i]) {
		err = fmt.Errorf("step %q waits and calls no function that could fail", step)
	}
	h.must("fail a step", err)
	h.failing.mu.Lock()
	defer h.failing.mu.Unlock()
	if h.failing.left == nil {
		h.failing.left = make(map[string]int)
	}
	h.failing.left[step] = times
}

// failing is how many attempts of which steps will fail.
type failing struct {
	mu   sync.Mutex
	left map[string]int
}

// next returns the error of a step's attempt that must fail, or nil.
func (f *failing) next(step string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left[step] <= 0 {
		return nil
	}
	f.left[step]--
	return ErrInjected
}
