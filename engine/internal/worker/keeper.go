package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// keep renews the leases of the runs until ctx ends.
func (w *Worker) keep(ctx context.Context) {
	heartbeat := time.NewTicker(w.Heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-heartbeat.C:
			w.renew(ctx)
		}
	}
}

// renew renews the leases once. A run whose lease is not renewed for as long as
// it lasts ends itself, see run.renewed.
func (w *Worker) renew(ctx context.Context) {
	types, runs := w.leases()
	if len(runs) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, max(w.Heartbeat, min(renewTime, w.Owner.Lease)))
	defer cancel()
	err := w.renewAll(limited, types, runs)
	switch {
	case ctx.Err() != nil: // the worker has stopped meanwhile
		return
	case err != nil:
		w.Log.Warn("leases could not be renewed; trying again", "error", err, "runs", len(runs))
		return
	}
	for _, r := range runs {
		// Its row's heartbeat, and whether somebody asked for it to stop or
		// has taken it over: its lock may be gone because it has just ended.
		w.mark(r)
	}
}

// leases are those of the runs that go on, and their types.
func (w *Worker) leases() (types []string, runs map[store.LockedRun]*run) {
	runs = make(map[store.LockedRun]*run)
	for _, r := range w.current() {
		if r.live() {
			runs[r.heldAs()] = r
			types = append(types, r.job.Type)
		}
	}
	slices.Sort(types)
	return slices.Compact(types), runs
}

// renewTime is how long a renewal may take at least: one that is given up costs a
// connection, and the next one has to make another.
const renewTime = time.Second

// renewAll renews the leases of some types, and looks again for those whose locks
// somebody has locked.
func (w *Worker) renewAll(ctx context.Context, types []string, runs map[store.LockedRun]*run) error {
	for pause := newPause(); ; {
		sent := time.Now()
		held, locked, err := w.Store.Renew(ctx, types, w.Owner)
		if err != nil {
			return err
		}
		for _, h := range held {
			if r, ok := runs[h]; ok {
				r.renewed(sent)
			}
		}
		if len(locked) == 0 {
			return nil
		}
		if types = locked; !wait(ctx, pause.NextBackOff()) {
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil // by the worker's stop
			}
			w.Log.Warn("leases could not be renewed: another transaction keeps their rows of job_type_lock locked; end it, or they run out", "types", locked)
			return nil
		}
	}
}
