package testutil

import (
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// waitVirtually lets virtual time go on until the next job is due, if none is processing and
// that is long from now. The engine is stopped meanwhile: what an idle engine does each
// second would take real time.
func (h *Harness) waitVirtually(p *hostProcess, what string) (passed bool) {
	h.t.Helper()
	const long = time.Minute
	due, quiet := h.nextDue()
	switch {
	case !quiet:
		return false
	case due.IsZero():
		h.fatal("%s does not come: nothing continues by itself any more", what)
	case time.Until(due.Time) < long:
		return false
	}
	p.halt()
	deadline := time.NewTimer(h.settings.deadline)
	defer deadline.Stop()
	select {
	case <-p.ended:
	case <-deadline.C:
		h.fatal("the engine did not stop within %v", h.settings.deadline)
	}
	h.must("run the engine", p.err)
	time.Sleep(time.Until(due.Time))
	p.run()
	return true
}

// nextDue returns when the next job is due, zero if none is, and whether nothing happens
// before.
func (h *Harness) nextDue() (due model.Time, quiet bool) {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	const all = 1000
	jobs, err := h.engine.List(ctx, engine.Filter{Statuses: []model.Status{model.Scheduled, model.Processing}, Limit: all})
	h.must("list the jobs", err)
	if len(jobs) == all || slices.ContainsFunc(jobs, func(j *model.JobView) bool { return j.Status == model.Processing }) {
		return due, false
	}
	for _, j := range jobs {
		at := j.ScheduledAt
		if waitsForChildren(j) { // it checks them now and then until then
			at = j.WaitsUntil
		}
		if !at.IsZero() && (due.IsZero() || at.Before(due.Time)) {
			due = at
		}
	}
	return due, !due.IsZero() || !slices.ContainsFunc(jobs, waitsForChildren)
}
