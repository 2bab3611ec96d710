package testutil

import (
	"context"
	"sync"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// hostProcess stands for a process of the host: an engine that runs the definition.
type hostProcess struct {
	engine *engine.Engine
	watch  watch // must not be changed while the process runs

	notifyMoment func() // notifies the harness that a moment has come

	life     context.Context
	end      context.CancelFunc
	stopOnce sync.Once
	stopping chan struct{}      // closed when the process has been requested to stop
	halt     context.CancelFunc // ends the engine, but not the process
	ended    chan struct{}      // closed when the engine has ended
	err      error              // of its Run
}

// prepare returns a process that does not run yet, with a watch that does nothing.
func (h *Harness) prepare(opts ...engine.RegisterOption) *hostProcess {
	h.t.Helper()
	return h.prepareOn(h.db, opts...)
}

func (h *Harness) prepareOn(db *bun.DB, opts ...engine.RegisterOption) *hostProcess {
	h.t.Helper()
	p := &hostProcess{watch: nothing{}, stopping: make(chan struct{}), notifyMoment: h.log.wake}
	var err error
	p.life, p.end = context.WithCancel(context.Background())
	p.engine, err = h.newEngine(db, watched{Handler: h.definition, watch: p, failing: &h.failing, life: p.life}, opts...)
	h.must("make an engine", err)
	return p
}

// at forwards moments to the watch, which is set after the definition is registered.
func (p *hostProcess) at(ctx context.Context, job uuid.UUID, m Moment) error {
	return p.watch.at(ctx, job, m)
}

// trigger makes the process call a function at a moment of a job.
func (p *hostProcess) trigger(job uuid.UUID, m Moment, act func(ctx context.Context) error) *trigger {
	t := newTrigger(job, m, func(ctx context.Context) error {
		p.notifyMoment()
		return act(ctx)
	})
	p.watch = t
	return t
}

// start starts a process, which runs until it is stopped.
func (h *Harness) start(p *hostProcess) {
	h.processes = append(h.processes, p)
	p.run()
}

// run starts the engine, which runs until it is halted or the process ends.
func (p *hostProcess) run() {
	var ctx context.Context
	ctx, p.halt = context.WithCancel(p.life)
	ended := make(chan struct{})
	p.ended = ended
	go func() {
		defer close(ended)
		p.err = p.engine.Run(ctx)
	}()
}

// requestStop requests the process to end.
func (p *hostProcess) requestStop() {
	p.stopOnce.Do(func() {
		p.end()
		close(p.stopping)
	})
}

// stop ends a process and returns after it has ended.
func (h *Harness) stop(p *hostProcess) {
	h.t.Helper()
	if !h.stopped(p, h.settings.deadline) {
		h.fatal("the engine did not stop within %v: does the step ignore its context?", h.settings.deadline)
	}
	h.must("run the engine", p.err)
}

// stopped ends a process, and reports whether it ended within that time.
func (h *Harness) stopped(p *hostProcess, within time.Duration) bool {
	p.requestStop()
	patience := time.NewTimer(within)
	defer patience.Stop()
	select {
	case <-p.ended:
		return true
	case <-patience.C:
		return false
	}
}

// await waits until the job of a running process fulfils a condition, and returns its
// status.
func (h *Harness) await(p *hostProcess, what string, wanted func(*model.JobView) bool) *model.JobView {
	h.t.Helper()
	poll := time.NewTimer(0)
	defer poll.Stop()
	deadline := time.NewTimer(h.settings.deadline)
	defer deadline.Stop()
	for since := time.Now(); ; {
		if h.virtual {
			synctest.Wait() // nothing more happens at this moment
		}
		status := h.Status()
		if wanted(status) {
			return status
		}
		if h.virtual && status.Status != model.Processing && h.waitVirtually(p, what) {
			deadline.Reset(h.settings.deadline)
			since = time.Now()
			continue
		}
		poll.Reset(h.pollInterval(time.Since(since)))
		select {
		case <-poll.C:
		case <-h.log.news:
		case <-p.ended:
			h.fatal("the engine ended while the harness waited for %s: %v", what, p.err)
		case <-deadline.C:
			h.fatal("%s did not come within %v%s", what, h.settings.deadline, waitHint(status))
		}
	}
}

// pollInterval returns how long the harness waits before it reads its job again if its
// engines log nothing, after it has waited so long. Virtual time may be long, and reading
// takes real time.
func (h *Harness) pollInterval(waited time.Duration) time.Duration {
	longest := 20 * time.Millisecond
	if h.virtual {
		longest = time.Minute
	}
	return min(max(2*time.Millisecond, waited/100), longest)
}
