package dispatch

import (
	"context"
	"time"
)

// tickInterval is how often progress is written that nobody waits for, and how often the
// cancel requests of the runs are read.
const tickInterval = time.Second

// Run runs the loop until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) {
	poll := time.NewTimer(0)
	defer poll.Stop()
	tick := time.NewTicker(tickInterval)
	defer tick.Stop()
	for {
		polling := false
		select {
		case <-ctx.Done():
			d.Journal.Drain()
			return
		case batch := <-d.Journal.Finished():
			d.Journal.Finish(ctx, batch)
		case <-d.Journal.Retry():
			d.Journal.EndPause()
		case <-d.Journal.Wake():
		case <-d.wake:
		case <-poll.C:
			polling = true
		case <-tick.C:
			d.tick(ctx)
		}
		d.Journal.Reconcile(ctx)
		d.Journal.Flush(ctx)
		if d.Journal.Failing() {
			if polling {
				poll.Reset(d.Poll)
			}
			continue // claims and polls wait until the journal can write again
		}
		if pollNow := d.claimDue(ctx); d.popPollNow() || pollNow || polling {
			poll.Reset(d.poll(ctx))
		}
	}
}

// tick runs [execution.Runs.Tick] within the time of one transaction.
func (d *Dispatcher) tick(ctx context.Context) {
	limited, cancel := d.limit(ctx)
	defer cancel()
	d.Runs.Tick(limited)
}
