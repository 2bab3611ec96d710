package journal

import (
	"context"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// reconcileInterval is the shortest time between two calls that find uncertain claims.
const reconcileInterval = 100 * time.Millisecond

// MarkClaimUncertain records that a claim whose result was lost may have taken effect, or
// may take effect within a lease: a commit can reach the database after the engine has given
// up waiting for its result.
func (j *Journal) MarkClaimUncertain() { j.uncertain = time.Now().Add(j.Owner.Lease) }

// reconcileDue reports whether uncertain claims must be resolved now. No flush begins before
// that.
func (j *Journal) reconcileDue() bool {
	return !j.uncertain.IsZero() && time.Since(j.reconciled) >= reconcileInterval
}

// Reconcile begins the runs of jobs that were claimed by a transaction whose result was
// lost. It does nothing while flushes are in flight: the result of one of them could
// otherwise begin a job again that Reconcile has begun and that has ended since.
func (j *Journal) Reconcile(ctx context.Context) {
	if !j.reconcileDue() || j.inFlight > 0 {
		return
	}
	if !j.Claims.StartClaim() {
		j.uncertain = time.Time{} // the engine stops: such jobs are left to be settled
		return
	}
	defer j.Claims.EndClaim()
	limited, cancel := j.limit(ctx)
	defer cancel()
	began := time.Now()
	j.reconciled = began
	// The engine may have waited for the result until the lease expired, so renew the
	// leases first. A job whose lock is locked may be settled by another engine now: it
	// does not begin here.
	renewed, locked, err := j.Store.Renew(limited, j.Types, j.Owner)
	if err != nil {
		return // the next flush or claim fails too, and logs it
	}
	owned, err := j.Store.Owned(limited, j.Owner)
	if err != nil {
		return // the next flush or claim fails too, and logs it
	}
	if began.After(j.uncertain) && len(locked) == 0 {
		j.uncertain = time.Time{}
	}
	for _, job := range owned {
		if slices.Contains(renewed, store.LockedRun{Type: job.Type, JobID: job.ID, Attempt: job.Attempt}) {
			j.Claims.Begin(ctx, job, began)
		}
	}
}

// fenced handles a write that changed no row: the job was taken over, an earlier attempt of
// this write took effect and its result was lost, or the write is an end that does not take
// the job's decision into account.
func (j *Journal) fenced(ctx context.Context, e *Entry, write store.Write) {
	if write.End != "" {
		row, err := j.read(ctx, write)
		switch {
		case err != nil: // the next flush finds out
			e.writeFailed()
			e.Mark()
			return
		case !e.failingSince.IsZero() && wroteEnd(row, write):
			j.MarkClaimUncertain() // the claim in the same transaction took effect too
			e.Confirm(store.Ack{}, false)
			return
		case !write.Decided && mayDecide(row, write):
			e.reopen()
			return
		}
	}
	j.Log.Warn("the job was taken over; its run ends here, and its further writes have no effect", e.run.LogAttrs()...)
	e.Lose()
}

// read reads the row of a write.
func (j *Journal) read(ctx context.Context, write store.Write) (*store.Row, error) {
	limited, cancel := j.limit(ctx)
	defer cancel()
	return j.Store.Get(limited, j.Store.DB(), write.JobID)
}

// wroteEnd reports whether the row shows the end that the write has.
func wroteEnd(row *store.Row, write store.Write) bool {
	return row != nil && row.Attempt == write.Attempt && (row.Status == write.End || row.Status == model.Cancelled) && row.Error == write.Error
}

// mayDecide reports whether the row is still the write's run's, and has a decision.
func mayDecide(row *store.Row, write store.Write) bool {
	return row != nil && row.Attempt == write.Attempt && row.Status == model.Processing && row.Decision != nil
}

// rejects reports whether the database rejects the writes of this run: for the length of a
// lease each attempt has failed, while each time another write to the same rows succeeded.
// If the database is not available, or the rows are locked, both fail. It takes a whole
// lease because the database may become available between an attempt and the other write.
func (j *Journal) rejects(ctx context.Context, e *Entry) bool {
	limited, cancel := j.limit(ctx)
	defer cancel()
	switch err := j.Store.Touch(limited, e.key.Type, e.key.JobID, e.key.Attempt); {
	case err != nil:
		e.rejectingSince = time.Time{}
	case e.rejectingSince.IsZero():
		e.rejectingSince = time.Now()
	}
	return !e.rejectingSince.IsZero() && time.Since(e.rejectingSince) >= j.Owner.Lease
}
