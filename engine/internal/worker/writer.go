package worker

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
)

const (
	// progressInterval is how often progress alone is written, and how often
	// the runs' cancel requests are looked for.
	progressInterval = time.Second
	// singlyAfter and giveUpAfter are the numbers of failed writes in a row
	// after which runs are written one by one, to find the one that the
	// database refuses, and after which that run fails.
	singlyAfter, giveUpAfter = 3, 8
)

// writer is the state of the goroutine that owns what the engine owns.
type writer struct {
	*Worker
	retry *backoff.ExponentialBackOff
	// failures counts failed flushes in a row.
	failures int
	// unsure is set when a transaction that may have claimed jobs failed:
	// whether it took effect is not known.
	unsure bool
}

// write is the writer's loop. It ends with ctx.
func (w *Worker) write(ctx context.Context) {
	wr := &writer{Worker: w, retry: backoff.NewExponentialBackOff()}
	wr.retry.InitialInterval, wr.retry.MaxInterval = 10*time.Millisecond, time.Second
	look := time.NewTimer(0)
	defer look.Stop()
	progress := time.NewTicker(progressInterval)
	defer progress.Stop()
	for {
		looking := false
		select {
		case <-ctx.Done():
			return
		case <-w.signal:
		case <-look.C:
			looking = true
		case <-progress.C:
			wr.tick(ctx)
		}
		wr.reconcile(ctx)
		wr.flushAll(ctx)
		if wr.takeLook() || looking {
			look.Reset(wr.lookForJobs(ctx))
		}
	}
}

// jitter returns d, longer or shorter by up to a tenth, so that engines that
// started together do not ask together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}

func (w *writer) takeLook() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	look := w.look
	w.look = false
	return look
}

// limit bounds the time of one transaction.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, w.Owner.Lease)
}

// flushAll writes all dirty runs, and repeats what fails until it succeeds or
// ctx ends.
func (w *writer) flushAll(ctx context.Context) {
	for ctx.Err() == nil {
		batch := w.takeDirty()
		if len(batch) == 0 {
			return
		}
		err := w.flush(ctx, batch)
		if err == nil {
			w.failures = 0
			w.retry.Reset()
			continue
		}
		w.failures++
		w.Log.Warn("records could not be written; trying again", "error", err, "runs", len(batch), "failures", w.failures)
		if w.stops() {
			for _, r := range batch {
				r.abandon()
			}
		}
		w.pause(ctx, w.retry.NextBackOff())
		w.reconcile(ctx)
	}
}

func (w *writer) stops() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping
}

// pause waits for d or until ctx ends.
func (w *writer) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// takeDirty takes as many dirty runs as one flush holds.
func (w *writer) takeDirty() []*run {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dirty = slices.DeleteFunc(w.dirty, func(r *run) bool { return !r.live() })
	n := min(len(w.dirty), store.MaxBatch)
	if w.failures >= singlyAfter {
		n = min(n, 1)
	}
	batch := slices.Clone(w.dirty[:n])
	w.dirty = slices.Delete(w.dirty, 0, n)
	for _, r := range batch {
		r.queued = false
	}
	return batch
}

// flush writes a batch in one transaction and tells each run of the outcome.
func (w *writer) flush(ctx context.Context, batch []*run) error {
	// What keeps failing may be the claim: the record goes without it then.
	claim := w.failures < singlyAfter && w.startClaim()
	if claim {
		defer w.endClaim()
	}
	writes := make([]store.Write, len(batch))
	ends := false
	for i, r := range batch {
		writes[i] = r.snapshot()
		ends = ends || writes[i].End != ""
	}
	limited, cancel := w.limit(ctx)
	done, err := w.Store.Flush(limited, writes, w.Owner, claim)
	cancel()
	if err != nil {
		w.unsure = w.unsure || ends
		for _, r := range batch {
			if r.notWritten(); len(batch) == 1 && r.tries >= giveUpAfter && w.reachable(ctx) {
				r.giveUp(err)
			}
			w.mark(r)
		}
		return err
	}
	next := make(map[string]bool, len(done.Next))
	for _, j := range done.Next {
		next[j.Type] = true
	}
	for i, r := range batch {
		if ack, ok := done.Acks[r.job.ID]; ok {
			r.written(ack, next[r.job.Type])
		} else {
			w.refused(ctx, r, writes[i])
		}
	}
	for _, j := range done.Next {
		w.begin(ctx, j)
	}
	return nil
}

// reachable reports whether the database answers at all.
func (w *writer) reachable(ctx context.Context) bool {
	limited, cancel := w.limit(ctx)
	defer cancel()
	return w.Store.DB().PingContext(limited) == nil
}

// refused handles a write that met a row which is no longer the run's. It may
// be that an earlier try took effect and the answer was lost.
func (w *writer) refused(ctx context.Context, r *run, write store.Write) {
	if write.End != "" && r.tries > 0 {
		limited, cancel := w.limit(ctx)
		row, err := w.Store.Get(limited, w.Store.DB(), r.job.ID)
		cancel()
		if err == nil && row != nil && row.Attempt == write.Attempt && row.Status == write.End && row.Error == write.Error {
			r.written(store.Ack{}, false)
			return
		}
	}
	w.Log.Warn("the job was taken over; its run ends here and nothing more of it is kept", r.attrs()...)
	r.lost()
}

// reconcile starts jobs that a transaction claimed whose answer was lost.
func (w *writer) reconcile(ctx context.Context) {
	if !w.unsure || !w.startClaim() {
		return
	}
	defer w.endClaim()
	limited, cancel := w.limit(ctx)
	defer cancel()
	owned, err := w.Store.Owned(limited, w.Owner)
	if err != nil {
		return // the flush or the claim that follows fails too, and says so
	}
	w.unsure = false
	for _, j := range owned {
		if !w.unrecorded[runKey{j.ID, j.Attempt}] {
			w.begin(ctx, j)
		}
	}
}

// tick writes the progress of all runs, and looks for cancel requests.
func (w *writer) tick(ctx context.Context) {
	var ids []uuid.UUID
	byID := make(map[uuid.UUID]*run)
	for _, r := range w.current() {
		if !r.live() {
			continue
		}
		ids, byID[r.job.ID] = append(ids, r.job.ID), r
		if r.progressed() {
			w.mark(r)
		}
	}
	if len(ids) == 0 {
		return
	}
	limited, cancel := w.limit(ctx)
	defer cancel()
	requests, err := w.Store.CancelRequests(limited, ids)
	if err != nil {
		w.Log.Warn("cannot look for cancel requests", "error", err)
		return
	}
	for _, request := range requests {
		byID[request.JobID].requestCancel()
	}
	for _, r := range byID {
		w.history.refresh(limited, r)
	}
}

// lookForJobs settles runs whose lease has run out and claims due jobs, and
// returns the time until the next look.
func (w *writer) lookForJobs(ctx context.Context) time.Duration {
	wait := jitter(w.Poll)
	if !w.startClaim() {
		return wait
	}
	defer w.endClaim()
	types := w.freeTypes()
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
	if err := w.claim(ctx, ready.Due); err != nil {
		w.Log.Warn("cannot claim due jobs; trying again", "error", err)
	}
	if ready.Next > 0 {
		wait = min(wait, ready.Next+time.Millisecond)
	}
	return wait
}

// freeTypes returns the types of which no job runs here, or none when enough
// jobs run.
func (w *writer) freeTypes() []string {
	if w.MaxRunning > 0 && len(w.current()) >= w.MaxRunning {
		return nil
	}
	busy := w.busyTypes()
	return slices.DeleteFunc(slices.Clone(w.types), func(t string) bool { return busy[t] })
}

// claim claims the preferred jobs of due types, and then the first ones of the
// rest, as many as may run.
func (w *writer) claim(ctx context.Context, due []string) error {
	preferred := w.takePreferred(due)
	if err := w.claimSome(ctx, slices.Sorted(maps.Keys(preferred)), slices.Collect(maps.Values(preferred))); err != nil {
		return err
	}
	busy := w.busyTypes()
	return w.claimSome(ctx, slices.DeleteFunc(due, func(t string) bool { return busy[t] }), nil)
}

// claimSome claims the given jobs of some types, or their first ones.
func (w *writer) claimSome(ctx context.Context, types []string, ids []uuid.UUID) error {
	if w.MaxRunning > 0 {
		types = types[:max(0, min(len(types), w.MaxRunning-len(w.current())))]
	}
	if len(types) == 0 {
		return nil
	}
	limited, cancel := w.limit(ctx)
	defer cancel()
	jobs, err := w.Store.Claim(limited, types, ids, w.Owner)
	if err != nil {
		w.unsure = true
		return err
	}
	for _, j := range jobs {
		w.begin(ctx, j)
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

// busyTypes are the types of which a job runs here.
func (w *writer) busyTypes() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	busy := make(map[string]bool, len(w.runs))
	for _, r := range w.runs {
		busy[r.job.Type] = true
	}
	return busy
}
