package worker

import (
	"context"
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

// limit bounds the time of one transaction.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, w.Owner.Lease)
}

// forget has failed flushes be over that have nothing left to be repeated: their
// runs have ended otherwise, or keep to themselves for a while.
func (w *writer) forget() {
	if w.failures > 0 && !w.pausing && w.flying == 0 && !w.reconcileDue() {
		w.failures = 0
		w.retry.Reset()
	}
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
		if slices.Contains(renewed, store.LockedRun{Type: j.Type, JobID: j.ID, Attempt: j.Attempt}) {
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
	for _, id := range requests {
		byID[id].requestCancel()
	}
	for _, r := range byID {
		w.history.refresh(limited, r)
	}
}
