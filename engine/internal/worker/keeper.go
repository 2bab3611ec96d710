package worker

import (
	"context"
	"maps"
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
	runs := make(map[store.Held]*run)
	types := make(map[string]bool)
	for _, r := range w.current() {
		if r.live() {
			runs[store.Held{Type: r.job.Type, JobID: r.job.ID, Attempt: r.job.Attempt}] = r
			types[r.job.Type] = true
		}
	}
	if len(runs) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, w.Heartbeat)
	defer cancel()
	sent := time.Now()
	held, err := w.Store.Renew(limited, slices.Sorted(maps.Keys(types)), w.Owner)
	if err != nil {
		w.Log.Warn("leases could not be renewed; trying again", "error", err, "runs", len(runs))
		return
	}
	for _, h := range held {
		if r, ok := runs[h]; ok {
			r.renewed(sent)
		}
	}
	for _, r := range runs {
		// Its row's heartbeat, and whether somebody asked for it to stop or
		// has taken it over: its lock may be gone because it has just ended.
		w.mark(r)
	}
}
