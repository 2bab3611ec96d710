package dispatch

import (
	"context"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
)

// lockedInterval is how soon a due job is looked for again that another transaction
// has locked: one that signals it, say, or one of the host's.
const lockedInterval = 20 * time.Millisecond

// poll settles runs whose lease has run out and claims due jobs, and returns the time
// until the next poll.
func (d *Dispatcher) poll(ctx context.Context) time.Duration {
	wait := pause.Jitter(d.Poll)
	if !d.Runs.StartClaim() {
		return wait
	}
	defer d.Runs.EndClaim()
	types := d.Runs.Free(d.types)
	if len(types) == 0 {
		return wait
	}
	limited, cancel := d.limit(ctx)
	defer cancel()
	ready, err := d.Store.Ready(limited, types)
	if err != nil {
		d.Log.Warn("cannot look for due jobs; trying again", "error", err)
		return wait
	}
	for _, run := range ready.Expired {
		d.settle(limited, run)
	}
	if len(ready.Expired) > 0 {
		d.Look()
	}
	d.claim(ctx, ready.Due)
	if !d.claimFailed && d.hasPlace() && len(d.Runs.Free(ready.Due)) > 0 {
		wait = min(wait, lockedInterval) // another transaction has locked what is due
	}
	if ready.Next > 0 && ready.Next < wait { // it may be as long as a Duration can be
		wait = ready.Next + time.Millisecond
	}
	return wait
}
