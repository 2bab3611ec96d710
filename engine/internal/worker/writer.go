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
	"github.com/ntxdev/jobsystem/model"
)

const (
	// progressInterval is how often progress alone is written, and how often
	// the runs' cancel requests are looked for.
	progressInterval = time.Second
	// reconcileInterval is how often, at most, claims that went unheard are
	// looked for.
	reconcileInterval = 100 * time.Millisecond
	// lockedInterval is how soon a due job is looked for again that somebody had
	// locked: to signal it, say, or in a transaction of the host's.
	lockedInterval = 20 * time.Millisecond
	// singlyAfter is the number of failed writes in a row after which runs are
	// written one by one, to find the one that the database refuses.
	singlyAfter = 3
)

// writer is the state of the goroutine that owns what the engine owns.
type writer struct {
	*Worker
	// flying is the number of flushes under way, and landed brings their
	// outcomes. Each has runs of its own: none is in two.
	flying int
	landed chan flight
	retry  *backoff.ExponentialBackOff
	// failures counts failed flushes in a row, and again is when the next one
	// may begin.
	failures int
	again    *time.Timer
	pausing  bool
	// claimFailed says that the database refused the latest claim of some type.
	claimFailed bool
	// unsure is set for a while when a transaction that may have claimed jobs
	// has failed: it may have taken effect, or still do.
	unsure, reconciled time.Time
}

// write is the writer's loop. It ends with ctx.
func (w *Worker) write(ctx context.Context) {
	wr := &writer{Worker: w, landed: make(chan flight), retry: newPause(), again: time.NewTimer(0)}
	defer wr.again.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	progress := time.NewTicker(progressInterval)
	defer progress.Stop()
	for {
		looking := false
		select {
		case <-ctx.Done():
			for ; wr.flying > 0; wr.flying-- {
				<-wr.landed // cut short by ctx as well
			}
			return
		case f := <-wr.landed:
			wr.land(ctx, f)
		case <-wr.again.C:
			wr.pausing = false
		case <-w.signal:
		case <-look.C:
			looking = true
		case <-progress.C:
			wr.tick(ctx)
		}
		wr.reconcile(ctx)
		wr.flush(ctx)
		wr.forget()
		if wr.failures > 0 {
			if looking {
				look.Reset(wr.Poll)
			}
			continue // what else the database is asked for has to wait
		}
		if all := wr.claimDue(ctx); wr.takeLook() || all || looking {
			look.Reset(wr.lookForJobs(ctx))
		}
	}
}

// jitter returns d, longer or shorter by up to a tenth, so that engines that
// started together do not ask together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // spreads load, and is no secret
}

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

// limit bounds the time of one transaction.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, w.Owner.Lease)
}

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

// forget has failed flushes be over that have nothing left to be repeated: their
// runs have ended otherwise, or keep to themselves for a while.
func (w *writer) forget() {
	if w.failures > 0 && !w.pausing && w.flying == 0 && !w.reconcileDue() {
		w.failures = 0
		w.retry.Reset()
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

// beUnsure notes that a claim may have taken effect unheard, or still may: a
// commit can reach the database after its answer was given up.
func (w *writer) beUnsure() { w.unsure = time.Now().Add(w.Owner.Lease) }

// refuses reports whether the database refuses what this run has to write: for
// as long as a lease each try has failed, and each time it has taken another
// write to the same rows. One that is away, or locked by somebody, takes neither;
// and it may come back just after a try has failed.
func (w *writer) refuses(ctx context.Context, r *run) bool {
	limited, cancel := w.limit(ctx)
	defer cancel()
	switch err := w.Store.Touch(limited, r.job.Type, r.job.ID, r.job.Attempt); {
	case err != nil:
		r.refusing = time.Time{}
	case r.refusing.IsZero():
		r.refusing = time.Now()
	}
	return !r.refusing.IsZero() && time.Since(r.refusing) >= w.Owner.Lease
}

// refused handles a write that met a row which is no longer the run's. It may
// be that an earlier try took effect and the answer was lost.
func (w *writer) refused(ctx context.Context, r *run, write store.Write) {
	if write.End != "" && !r.failing.IsZero() {
		limited, cancel := w.limit(ctx)
		row, err := w.Store.Get(limited, w.Store.DB(), r.job.ID)
		cancel()
		if err == nil && row != nil && row.Attempt == write.Attempt && (row.Status == write.End || row.Status == model.Cancelled) && row.Error == write.Error {
			w.beUnsure() // the claim that went with it took effect as well
			r.written(store.Ack{}, false)
			return
		}
	}
	w.Log.Warn("the job was taken over; its run ends here and nothing more of it is kept", r.attrs()...)
	r.lost()
}

// reconcileDue reports whether claims that went unheard are to be looked for.
// No flush begins before that is done.
func (w *writer) reconcileDue() bool {
	return !w.unsure.IsZero() && time.Since(w.reconciled) >= reconcileInterval
}

// reconcile starts jobs that a transaction claimed whose answer was lost. It
// waits for flushes under way: the answer of one that is still to be heard must
// not start a job which was started from here, and has ended by then.
func (w *writer) reconcile(ctx context.Context) {
	if !w.reconcileDue() || w.flying > 0 {
		return
	}
	if !w.startClaim() {
		w.unsure = time.Time{} // nothing begins any more: it is left to be settled
		return
	}
	defer w.endClaim()
	limited, cancel := w.limit(ctx)
	defer cancel()
	began := time.Now()
	w.reconciled = began
	// The answer may have been given up when the lease ran out: what begins here
	// begins with a new one, or belongs to whoever settles it, and has locked it.
	renewed, locked, err := w.Store.Renew(limited, w.types, w.Owner)
	if err != nil {
		return // the flush or the claim that follows fails too, and says so
	}
	owned, err := w.Store.Owned(limited, w.Owner)
	if err != nil {
		return // the flush or the claim that follows fails too, and says so
	}
	if began.After(w.unsure) && len(locked) == 0 {
		w.unsure = time.Time{}
	}
	for _, j := range owned {
		if slices.Contains(renewed, store.Held{Type: j.Type, JobID: j.ID, Attempt: j.Attempt}) {
			w.begin(ctx, j, began)
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
