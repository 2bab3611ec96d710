package worker

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/steps"
)

// heldAs is the run as its type's lock has it.
func (r *run) heldAs() store.Held {
	return store.Held{Type: r.job.Type, JobID: r.job.ID, Attempt: r.job.Attempt}
}

// renewed notes that the lease was renewed by a request sent at that time.
func (r *run) renewed(sent time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return
	}
	r.leased = sent.Add(r.worker.Owner.Lease)
	r.expiry.Reset(time.Until(r.leased))
}

// expire ends the run if its lease could not be renewed in time: another engine
// may take the job over from now on.
func (r *run) expire() {
	if r.worker.writesAlone() {
		return // nobody may: see writingAlone
	}
	r.mu.Lock()
	left := time.Until(r.leased)
	switch {
	case r.gone || r.expired:
		r.mu.Unlock()
		return
	case left > 0:
		r.expiry.Reset(left)
		r.mu.Unlock()
		return
	}
	r.expired = true
	r.mu.Unlock()
	r.worker.Log.Warn("the lease could not be renewed in time; ending the run", r.attrs()...)
	r.endLife(steps.ErrLeaseLost)
}

// alone is a step's transaction on a database with a sole writer. While it lasts no
// lease can be renewed, and nobody takes a job over either: leases do not run out.
// Each that this engine has is renewed within it, where it begins, which also has it
// be the writer from there on, and where it ends.
type alone struct {
	worker  *Worker
	renewed func() // notes what the transaction has renewed
}

// writingAlone begins that, and done ends it, once the transaction has ended.
func (w *Worker) writingAlone() *alone {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alone++
	return &alone{worker: w}
}

// writesAlone reports whether there is such a transaction.
func (w *Worker) writesAlone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alone > 0
}

// renew renews the leases within the transaction, and reports whether that of r was
// there.
func (a *alone) renew(ctx context.Context, tx bun.Tx, r *run) (mine bool, err error) {
	types, runs := a.worker.leases()
	sent := time.Now()
	held, _, err := a.worker.Store.RenewIn(ctx, tx, types, a.worker.Owner)
	if err != nil {
		return false, err
	}
	a.renewed = func() { renewed(runs, held, sent) }
	for _, h := range held {
		mine = mine || h == r.heldAs()
	}
	return mine, nil
}

// done ends it. What was renewed in a transaction that was rolled back is renewed
// anew.
func (a *alone) done(ctx context.Context, committed bool) {
	w := a.worker
	if committed {
		a.renewed()
	} else {
		w.renew(ctx)
	}
	w.mu.Lock()
	w.alone--
	w.mu.Unlock()
	for _, r := range w.current() {
		r.expire()
	}
}
