package dispatch

import (
	"context"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
)

// lockedInterval is the delay before the next poll if another transaction has locked a due
// job, for example one that sends it a signal, or one of the host.
const lockedInterval = 20 * time.Millisecond

// poll settles the runs whose lease has expired, claims due jobs, and returns the time
// until the next poll.
func (d *Dispatcher) poll(ctx context.Context) time.Duration {
	wait := pause.Jitter(d.Poll)
	if !d.Runs.StartClaim() {
		return wait
	}
	defer d.Runs.EndClaim()
	types := d.claimable(d.types)
	if len(types) == 0 {
		return wait
	}
	limited, cancel := d.limit(ctx)
	defer cancel()
	ready, err := d.Store.Ready(limited, types, d.left.jobsOf(types)...)
	if err != nil {
		d.Log.Warn("cannot read which jobs are due; trying again", "error", err)
		return wait
	}
	for _, run := range ready.Expired {
		d.settle(limited, run)
	}
	if len(ready.Expired) > 0 {
		d.PollNow()
	}
	d.claim(ctx, ready.Due)
	if !d.claimFailed && d.hasRoom() && len(d.claimable(ready.Due)) > 0 {
		wait = min(wait, lockedInterval) // another transaction has locked the due jobs
	}
	if ready.Next > 0 && ready.Next < wait { // compared first: adding to it could overflow
		wait = ready.Next + time.Millisecond
	}
	return wait
}
