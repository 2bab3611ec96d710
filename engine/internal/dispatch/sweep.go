package dispatch

import (
	"context"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
)

// sweepInterval is the time between two sweeps.
const sweepInterval = time.Minute

// Sweep finds, at once and then once a minute until ctx ends, what the loop does not see:
// jobs without a lock, locks of types that no engine handles any more, lock rows that were
// deleted by hand, and jobs that no handler of this engine can run.
func (d *Dispatcher) Sweep(ctx context.Context) {
	unknown := make(map[string]bool)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			if err := d.sweepOnce(ctx, unknown); err != nil && ctx.Err() == nil {
				d.Log.Warn("cannot sweep for abandoned jobs; trying again", "error", err)
			}
			timer.Reset(pause.Jitter(sweepInterval))
		}
	}
}

// sweepOnce sweeps once. unknown holds the types for which it has already logged that they
// are not registered here.
func (d *Dispatcher) sweepOnce(ctx context.Context, unknown map[string]bool) error {
	limited, cancel := context.WithTimeout(ctx, sweepInterval)
	defer cancel()
	if err := d.Store.EnsureLocks(limited, d.types); err != nil {
		return err
	}
	expiredFor := 4 * d.Owner.Lease
	rows, locks, err := d.Store.Orphans(limited, expiredFor)
	if err != nil {
		return err
	}
	for _, run := range locks {
		d.settle(limited, run)
	}
	for _, run := range rows {
		d.afterSettle(d.Store.SettleOrphan(limited, run, expiredFor, d.interrupt))
	}
	types, err := d.Store.DueTypes(limited)
	if err != nil {
		return err
	}
	for _, t := range types {
		if _, ok := d.Handlers[t]; !ok && !unknown[t] {
			unknown[t] = true
			d.Log.Warn("there are scheduled jobs of a type that is not registered here; they wait for an engine that has it", "type", t)
		}
	}
	return nil
}
