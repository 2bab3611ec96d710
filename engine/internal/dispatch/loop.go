package dispatch

import (
	"context"
	"time"
)

// tickInterval is how often progress alone is written, and how often the runs' cancel
// requests are looked for.
const tickInterval = time.Second

// Run is the loop. It ends with ctx.
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
			continue // what else the database is asked for has to wait
		}
		if look := d.claimDue(ctx); d.takeLook() || look || polling {
			poll.Reset(d.poll(ctx))
		}
	}
}

func (d *Dispatcher) tick(ctx context.Context) {
	limited, cancel := d.limit(ctx)
	defer cancel()
	d.Runs.Tick(limited)
}
