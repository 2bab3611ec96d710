package journal

import (
	"context"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// reconcileInterval is how often, at most, claims are looked for whose answers were
// lost.
const reconcileInterval = 100 * time.Millisecond

// MarkClaimUncertain notes that a claim whose answer was lost may have taken effect,
// or still may: a commit can reach the database after its answer was given up.
func (j *Journal) MarkClaimUncertain() { j.uncertain = time.Now().Add(j.Owner.Lease) }

// reconcileDue reports whether claims whose answers were lost are to be looked for. No
// flush begins before that is done.
func (j *Journal) reconcileDue() bool {
	return !j.uncertain.IsZero() && time.Since(j.reconciled) >= reconcileInterval
}

// Reconcile begins the runs of jobs that a transaction claimed whose answer was lost.
// It waits for the flushes in flight: the answer of one that is still to come must not
// begin a job which was begun from here, and has ended by then.
func (j *Journal) Reconcile(ctx context.Context) {
	if !j.reconcileDue() || j.inFlight > 0 {
		return
	}
	if !j.Claims.StartClaim() {
		j.uncertain = time.Time{} // nothing begins any more: the jobs are left to be settled
		return
	}
	defer j.Claims.EndClaim()
	limited, cancel := j.limit(ctx)
	defer cancel()
	began := time.Now()
	j.reconciled = began
	// The answer may have been given up when the lease ran out: what begins here
	// begins with a new one, or belongs to whoever settles it, and has locked it.
	renewed, locked, err := j.Store.Renew(limited, j.Types, j.Owner)
	if err != nil {
		return // the flush or the claim that follows fails too, and says so
	}
	owned, err := j.Store.Owned(limited, j.Owner)
	if err != nil {
		return // the flush or the claim that follows fails too, and says so
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

// fenced handles a write that the fence kept out: the row is no longer the run's. An
// earlier attempt may have taken effect, and its answer was lost.
func (j *Journal) fenced(ctx context.Context, e *Entry, write store.Write) {
	if write.End != "" && !e.failingSince.IsZero() && j.wroteEnd(ctx, write) {
		j.MarkClaimUncertain() // the claim that went with it took effect as well
		e.Confirm(store.Ack{}, false)
		return
	}
	j.Log.Warn("the job was taken over; its run ends here and nothing more of it is kept", e.run.LogAttrs()...)
	e.Lose()
}

// wroteEnd reports whether the row has ended as the write says.
func (j *Journal) wroteEnd(ctx context.Context, write store.Write) bool {
	limited, cancel := j.limit(ctx)
	defer cancel()
	row, err := j.Store.Get(limited, j.Store.DB(), write.JobID)
	return err == nil && row != nil && row.Attempt == write.Attempt && (row.Status == write.End || row.Status == model.Cancelled) && row.Error == write.Error
}

// rejects reports whether the database rejects what this run has to write: for as long
// as a lease each attempt has failed, and each time it has taken another write to the
// same rows. One that is away, or whose rows are locked, takes neither; and it may come
// back just after an attempt has failed.
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
