package testutil

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// hostProcess plays a process of the host: an engine that runs the definition.
type hostProcess struct {
	engine *engine.Engine
	watch  watch // not changed once it runs

	life     context.Context
	end      context.CancelFunc
	stopOnce sync.Once
	stopping chan struct{} // closed when the engine has been told to stop
	ended    chan struct{} // closed when it has
	err      error         // of its Run
}

// prepare returns a process that does not run yet, with a watch that does
// nothing.
func (h *Harness) prepare(opts ...engine.RegisterOption) *hostProcess {
	h.t.Helper()
	return h.prepareOn(h.db, opts...)
}

func (h *Harness) prepareOn(db *bun.DB, opts ...engine.RegisterOption) *hostProcess {
	h.t.Helper()
	p := &hostProcess{watch: nothing{}, stopping: make(chan struct{}), ended: make(chan struct{})}
	var err error
	p.life, p.end = context.WithCancel(context.Background())
	p.engine, err = h.newEngine(db, watched{Handler: h.definition, watch: p, failing: &h.failing, life: p.life}, opts...)
	h.must("make an engine", err)
	return p
}

// at passes moments to the watch, which is known later than the definition is
// registered.
func (p *hostProcess) at(ctx context.Context, job uuid.UUID, m Moment) error {
	return p.watch.at(ctx, job, m)
}

// trigger has the process act at a moment of a job.
func (p *hostProcess) trigger(job uuid.UUID, m Moment, act func(ctx context.Context) error) *trigger {
	t := newTrigger(job, m, act)
	p.watch = t
	return t
}

// start has the process run until it is stopped.
func (h *Harness) start(p *hostProcess) {
	h.processes = append(h.processes, p)
	go func() {
		defer close(p.ended)
		p.err = p.engine.Run(p.life)
	}()
}

// tell has the process end.
func (p *hostProcess) tell() {
	p.stopOnce.Do(func() {
		p.end()
		close(p.stopping)
	})
}

// stop ends a process and returns after it has ended.
func (h *Harness) stop(p *hostProcess) {
	h.t.Helper()
	if !h.stopped(p, h.settings.deadline) {
		h.fatal("the engine did not stop within %v: does the step obey its context?", h.settings.deadline)
	}
	h.must("run the engine", p.err)
}

// stopped ends a process, and reports whether it did within that time.
func (h *Harness) stopped(p *hostProcess, within time.Duration) bool {
	p.tell()
	patience := time.NewTimer(within)
	defer patience.Stop()
	select {
	case <-p.ended:
		return true
	case <-patience.C:
		return false
	}
}

// pollInterval is how often a harness looks at its job. The database is its
// own, so often is cheap.
const pollInterval = 2 * time.Millisecond

// await runs a process until the job is as wanted, and returns its status.
func (h *Harness) await(p *hostProcess, what string, wanted func(*model.JobStatus) bool) *model.JobStatus {
	h.t.Helper()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	deadline := time.NewTimer(h.settings.deadline)
	defer deadline.Stop()
	for {
		if status := h.Status(); wanted(status) {
			return status
		}
		select {
		case <-poll.C:
		case <-p.ended:
			h.fatal("the engine ended while the harness waited for %s: %v", what, p.err)
		case <-deadline.C:
			h.fatal("%s did not come within %v", what, h.settings.deadline)
		}
	}
}
