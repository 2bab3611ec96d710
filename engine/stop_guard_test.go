package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/steps"
)

// stopGuard stops an engine and waits until its runs know: without that, a run may pass
// further boundaries first. A job of its own reports that.
type stopGuard struct {
	begun, stopping chan struct{}
}

const stopGuardType = "test:stopguard"

func newStopGuard() *stopGuard {
	return &stopGuard{begun: make(chan struct{}, 1), stopping: make(chan struct{}, 1)}
}

// definition returns the definition of that job, which must be registered with the engine.
func (g *stopGuard) definition() *steps.Definition[input] {
	return one(stopGuardType, func(ctx context.Context, run *steps.Run[input]) error {
		g.begun <- struct{}{}
		for n := 0; ; n++ {
			if err := run.Checkpoint(ctx, n); err != nil {
				g.stopping <- struct{}{}
				return err
			}
			<-time.After(time.Millisecond)
		}
	})
}

// stop calls cancel, which ends the context that the engine runs with.
func (g *stopGuard) stop(t *testing.T, eng *engine.Engine, cancel func()) {
	enqueue(t, eng, raw(stopGuardType))
	receive(t, g.begun)
	cancel()
	receive(t, g.stopping)
}
