package worker

import (
	"context"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// flight is a flush under way, and its outcome once it has landed.
type flight struct {
	batch  []*run
	writes []store.Write
	ends   bool // some of the writes end runs
	claims bool
	began  time.Time
	done   store.Flushed
	err    error
	late   bool // it has failed because its time was up
}

// flush writes what is dirty: a batch in each transaction, and as many of those
// at once as the database gains by. What becomes dirty meanwhile rides in the
// next one.
func (w *writer) flush(ctx context.Context) {
	for !w.pausing && !w.reconcileDue() && w.flying < w.flights() {
		batch := w.takeDirty()
		if len(batch) == 0 {
			return
		}
		w.takeOff(ctx, batch)
	}
}

// flights is how many flushes may be under way at once. After a failure it is
// one, so that what fails can be told.
func (w *writer) flights() int {
	if w.failures > 0 {
		return 1
	}
	return w.Store.Writers()
}

// takeOff begins to write a batch in one transaction.
func (w *writer) takeOff(ctx context.Context, batch []*run) {
	f := flight{batch: batch, writes: make([]store.Write, len(batch)), began: time.Now()}
	for i, r := range batch {
		f.writes[i] = r.snapshot()
		f.ends = f.ends || f.writes[i].End != ""
	}
	// What keeps failing may be the claim: the record goes without it then. So
	// it does where fewer jobs may run than there are types: those that follow
	// at once would keep the others out.
	f.claims = f.ends && w.failures < singlyAfter && w.placesForAll() && w.startClaim()
	w.flying++
	go func() {
		limited, cancel := w.limit(ctx)
		defer cancel()
		f.done, f.err = w.Store.Flush(limited, f.writes, w.Owner, f.claims)
		f.late = limited.Err() != nil
		w.landed <- f
	}()
}

// land tells each run of the outcome, and begins the runs that were claimed.
func (w *writer) land(ctx context.Context, f flight) {
	w.flying--
	if f.claims {
		defer w.endClaim()
	}
	// Only once the runs know the outcome: whoever holds one goes on from there.
	defer w.ground(f.batch)
	if f.err != nil {
		w.crash(ctx, f)
		return
	}
	if w.failures > 0 {
		w.failures = 0
		w.retry.Reset()
	}
	next := make(map[string]bool, len(f.done.Next))
	for _, j := range f.done.Next {
		next[j.Type] = true
	}
	for i, r := range f.batch {
		if ack, ok := f.done.Acks[r.job.ID]; ok {
			r.written(ack, next[r.job.Type])
		} else {
			w.refused(ctx, r, f.writes[i])
		}
	}
	for _, j := range f.done.Next {
		w.begin(ctx, j, f.began)
	}
}

// ground has the runs of a batch be in no flush any more.
func (w *writer) ground(batch []*run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range batch {
		r.flying = false
		if r.free != nil {
			close(r.free)
			r.free = nil
		}
	}
}

// crash has a failed flush repeated after a pause, with whatever is newest.
func (w *writer) crash(ctx context.Context, f flight) {
	if f.ends {
		w.beUnsure()
	}
	for _, r := range f.batch {
		if r.notWritten(); len(f.batch) == 1 && !f.late && !store.IsFull(f.err) && w.refuses(ctx, r) {
			r.giveUp(f.err)
		}
		w.mark(r)
	}
	w.failures++
	w.Log.Warn("records could not be written; trying again", "error", f.err, "runs", len(f.batch), "failures", w.failures)
	if w.stops() {
		for _, r := range w.current() {
			r.abandon()
		}
	}
	w.pausing = true
	w.again.Reset(w.retry.NextBackOff())
}

// takeDirty takes as many dirty runs as one flush holds, and none that is in a
// flush already or must not be written now.
func (w *writer) takeDirty() (batch []*run) {
	limit := store.MaxBatch
	if w.failures >= singlyAfter {
		limit = 1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dirty = slices.DeleteFunc(w.dirty, func(r *run) bool {
		switch {
		case (r.flying || r.held || r.ends()) && r.live() || len(batch) == limit:
			return false
		case r.live():
			batch = append(batch, r)
			r.flying = true
		}
		r.queued = false
		return true
	})
	return batch
}
