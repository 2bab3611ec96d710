package dispatch

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// claimDue claims jobs of the types that may have a due one. It reports whether a poll is
// needed, since a type had no job that could be claimed: the poll finds out when it has.
func (d *Dispatcher) claimDue(ctx context.Context) (pollNow bool) {
	types := d.popDue()
	if len(types) == 0 || !d.Runs.StartClaim() {
		return false
	}
	defer d.Runs.EndClaim()
	types = d.claimable(types)
	if len(types) == 0 {
		return false
	}
	d.claim(ctx, types)
	return len(d.Runs.Free(types)) > 0
}

// claim claims the first jobs of the due types, as many as may run.
func (d *Dispatcher) claim(ctx context.Context, due []string) {
	d.claimFailed = false
	d.claimSome(ctx, due)
}

// claimSome claims the first jobs of some types. If that fails, it tries each type alone,
// so that a row that cannot be claimed delays only its own type.
func (d *Dispatcher) claimSome(ctx context.Context, types []string) {
	if d.MaxRunning > 0 {
		types = types[:max(0, min(len(types), d.MaxRunning-d.Runs.Len()))]
	}
	if len(types) == 0 {
		return
	}
	err := d.claimTogether(ctx, types)
	if err == nil {
		return
	}
	if len(types) == 1 {
		d.claimFailed = true
		d.Log.Warn("cannot claim the next job of a type; trying again", "type", types[0], "error", err)
		return
	}
	for _, t := range types {
		if ctx.Err() != nil {
			return
		}
		d.claimSome(ctx, []string{t})
	}
}

func (d *Dispatcher) claimTogether(ctx context.Context, types []string) error {
	limited, cancel := d.limit(ctx)
	defer cancel()
	began := time.Now()
	jobs, err := d.Store.ClaimExcept(limited, types, d.left.jobsOf(types), d.Owner)
	if err != nil {
		d.Journal.MarkClaimUncertain()
		d.Journal.Reconcile(ctx)
		return err
	}
	for _, j := range jobs {
		d.Runs.Begin(ctx, j, began)
	}
	return nil
}

// limit returns a context that limits the time of one transaction.
func (d *Dispatcher) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d.Owner.Lease)
}

// hasRoom reports whether one more job may run.
func (d *Dispatcher) hasRoom() bool { return d.MaxRunning == 0 || d.Runs.Len() < d.MaxRunning }

// Leave makes this engine claim other jobs of the type than that one for a time, and gives
// other engines the chance to claim it.
func (d *Dispatcher) Leave(jobType string, id uuid.UUID, howLong time.Duration) {
	d.left.leave(jobType, id, howLong)
}

// Shares reports whether other engines must get a chance to claim a job of the type when one
// ends here, since this engine has left jobs of it to them.
func (d *Dispatcher) Shares(jobType string) bool { return d.left.shared(jobType) }

// claimable returns those of the types of which a job may be claimed now.
func (d *Dispatcher) claimable(types []string) []string {
	return d.left.claimable(d.Runs.Free(types))
}
