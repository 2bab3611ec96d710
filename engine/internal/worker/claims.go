package worker

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// claimDue claims jobs of the types that are said to have a due one, and reports
// whether a look is wanted: for what was not there, and for when it will be.
func (w *writer) claimDue(ctx context.Context) bool {
	w.mu.Lock()
	types := slices.Sorted(maps.Keys(w.due))
	clear(w.due)
	w.mu.Unlock()
	if len(types) == 0 || !w.startClaim() {
		return false
	}
	defer w.endClaim()
	types = w.free(types)
	if len(types) == 0 {
		return false
	}
	w.claim(ctx, types)
	return len(w.free(types)) > 0
}

// free returns those of the types of which no job runs here.
func (w *writer) free(types []string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	busy := make(map[string]bool, len(w.runs))
	for _, r := range w.runs {
		busy[r.job.Type] = busy[r.job.Type] || r.busy()
	}
	return slices.DeleteFunc(slices.Clone(types), func(t string) bool { return busy[t] })
}

func (w *writer) takeLook() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	look := w.look
	w.look = false
	return look
}

// lookForJobs settles runs whose lease has run out and claims due jobs, and
// returns the time until the next look.
func (w *writer) lookForJobs(ctx context.Context) time.Duration {
	wait := jitter(w.Poll)
	if !w.startClaim() {
		return wait
	}
	defer w.endClaim()
	types := w.free(w.types)
	if len(types) == 0 {
		return wait
	}
	limited, cancel := w.limit(ctx)
	defer cancel()
	ready, err := w.Store.Ready(limited, types)
	if err != nil {
		w.Log.Warn("cannot look for due jobs; trying again", "error", err)
		return wait
	}
	for _, run := range ready.Expired {
		w.settle(limited, run)
	}
	if len(ready.Expired) > 0 {
		w.Look()
	}
	w.claim(ctx, ready.Due)
	if !w.claimFailed && w.hasPlace() && len(w.free(ready.Due)) > 0 {
		wait = min(wait, lockedInterval) // somebody has locked what is due
	}
	if ready.Next > 0 && ready.Next < wait { // it may be as long as a Duration can be
		wait = ready.Next + time.Millisecond
	}
	return wait
}

// claim claims the preferred jobs of due types, and then the first ones of the
// rest, as many as may run.
func (w *writer) claim(ctx context.Context, due []string) {
	w.claimFailed = false
	preferred := w.takePreferred(due)
	w.claimSome(ctx, slices.Sorted(maps.Keys(preferred)), slices.Collect(maps.Values(preferred)))
	w.claimSome(ctx, w.free(due), nil)
}

// claimSome claims the given jobs of some types, or their first ones. If that
// fails for all together, it is tried for each type, so that one bad row holds
// up no more than its own type.
func (w *writer) claimSome(ctx context.Context, types []string, ids []uuid.UUID) {
	if w.MaxRunning > 0 {
		types = types[:max(0, min(len(types), w.MaxRunning-len(w.current())))]
	}
	if len(types) == 0 {
		return
	}
	err := w.claimTogether(ctx, types, ids)
	if err == nil {
		return
	}
	if len(types) == 1 {
		w.claimFailed = true
		w.Log.Warn("cannot claim the next job of a type; trying again", "type", types[0], "error", err)
		return
	}
	for _, t := range types {
		if ctx.Err() != nil {
			return
		}
		w.claimSome(ctx, []string{t}, ids)
	}
}

func (w *writer) claimTogether(ctx context.Context, types []string, ids []uuid.UUID) error {
	limited, cancel := w.limit(ctx)
	defer cancel()
	began := time.Now()
	jobs, err := w.Store.Claim(limited, types, ids, w.Owner)
	if err != nil {
		w.beUnsure()
		w.reconcile(ctx)
		return err
	}
	for _, j := range jobs {
		w.begin(ctx, j, began)
	}
	return nil
}

// takePreferred takes the jobs that are to go before others of the due types.
func (w *writer) takePreferred(due []string) map[string]uuid.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	preferred := make(map[string]uuid.UUID)
	for _, t := range due {
		if id, ok := w.prefer[t]; ok {
			preferred[t] = id
		}
	}
	clear(w.prefer)
	return preferred
}

// hasPlace reports whether one more job may run.
func (w *writer) hasPlace() bool { return w.MaxRunning == 0 || len(w.current()) < w.MaxRunning }
