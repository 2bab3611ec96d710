package worker

import (
	"context"
	"time"
)

// sweepInterval is how often the sweeper looks.
const sweepInterval = time.Minute

// sweep looks, now and then until ctx ends, for what the writer does not see:
// jobs without a lock, locks of types that nobody handles any more, lock rows
// that somebody has deleted, and jobs that nobody here can run.
func (w *Worker) sweep(ctx context.Context) {
	unknown := make(map[string]bool)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			if err := w.sweepOnce(ctx, unknown); err != nil && ctx.Err() == nil {
				w.Log.Warn("cannot look for abandoned jobs; trying again", "error", err)
			}
			timer.Reset(jitter(sweepInterval))
		}
	}
}

func (w *Worker) sweepOnce(ctx context.Context, unknown map[string]bool) error {
	limited, cancel := context.WithTimeout(ctx, sweepInterval)
	defer cancel()
	if err := w.Store.EnsureLocks(limited, w.types); err != nil {
		return err
	}
	silence := 4 * w.Owner.Lease
	rows, locks, err := w.Store.Orphans(limited, silence)
	if err != nil {
		return err
	}
	for _, run := range locks {
		w.settle(limited, run)
	}
	for _, run := range rows {
		w.settled(w.Store.SettleOrphan(limited, run, silence, w.interrupt))
	}
	types, err := w.Store.DueTypes(limited)
	if err != nil {
		return err
	}
	for _, t := range types {
		if _, ok := w.Handlers[t]; !ok && !unknown[t] {
			unknown[t] = true
			w.Log.Warn("there are scheduled jobs of a type that is not registered here; they wait for an engine that has it", "type", t)
		}
	}
	return nil
}
