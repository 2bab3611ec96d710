package dispatch

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// claimDue claims jobs of the types that are said to have a due one, and reports
// whether a look is wanted: for what was not there, and for when it will be.
func (d *Dispatcher) claimDue(ctx context.Context) (look bool) {
	types := d.takeDue()
	if len(types) == 0 || !d.Runs.StartClaim() {
		return false
	}
	defer d.Runs.EndClaim()
	types = d.Runs.Free(types)
	if len(types) == 0 {
		return false
	}
	d.claim(ctx, types)
	return len(d.Runs.Free(types)) > 0
}

// claim claims the preferred jobs of due types, and then the first ones of the
// rest, as many as may run.
func (d *Dispatcher) claim(ctx context.Context, due []string) {
	d.claimFailed = false
	preferred := d.takePreferred(due)
	d.claimSome(ctx, slices.Sorted(maps.Keys(preferred)), slices.Collect(maps.Values(preferred)))
	d.claimSome(ctx, d.Runs.Free(due), nil)
}

// claimSome claims the given jobs of some types, or their first ones. If that
// fails for all together, it is tried for each type, so that one bad row holds
// up no more than its own type.
func (d *Dispatcher) claimSome(ctx context.Context, types []string, ids []uuid.UUID) {
	if d.MaxRunning > 0 {
		types = types[:max(0, min(len(types), d.MaxRunning-d.Runs.Len()))]
	}
	if len(types) == 0 {
		return
	}
	err := d.claimTogether(ctx, types, ids)
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
		d.claimSome(ctx, []string{t}, ids)
	}
}

func (d *Dispatcher) claimTogether(ctx context.Context, types []string, ids []uuid.UUID) error {
	limited, cancel := d.limit(ctx)
	defer cancel()
	began := time.Now()
	jobs, err := d.Store.Claim(limited, types, ids, d.Owner)
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

// limit bounds the time of one transaction.
func (d *Dispatcher) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d.Owner.Lease)
}

// hasPlace reports whether one more job may run.
func (d *Dispatcher) hasPlace() bool { return d.MaxRunning == 0 || d.Runs.Len() < d.MaxRunning }
