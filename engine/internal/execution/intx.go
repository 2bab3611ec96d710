package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// stepTx is one attempt of a step in a transaction: what the step writes there
// and its record commit together.
type stepTx struct {
	*run
	i      int
	before model.StepRecord // as it is again if the transaction is rolled back
	result json.RawMessage  // the same
	output json.RawMessage
	again  bool // the error is worth another attempt
	wrote  bool // the record has been sent: from here on the end may be unknown
	taken  bool // the row is not the run's any more
	ack    store.Ack
	worked time.Duration // how long the step had the transaction, where that is of interest
}

// callInTx is call for a step in a transaction. If the transaction's end is
// unknown, it waits until it is known.
func (r *run) callInTx(ctx context.Context, i int, session *session) (output json.RawMessage, again bool, err error) {
	session.inTx = true
	// Nothing else of this run is written meanwhile: it would have to wait for
	// the row, and on SQLite for the one connection.
	if err := r.holdForTx(ctx); err != nil {
		return nil, false, err
	}
	defer r.releaseTx()
	t := &stepTx{run: r, i: i, before: r.record(i), again: true}
	r.edit(func() { t.result = r.data.Result })
	err = t.runInTx(ctx, session)
	if err != nil && t.wrote && !t.taken {
		err = t.findOutcome(err)
	}
	if err != nil {
		t.takeBack()
		if t.exceedsLease() {
			return nil, false, fmt.Errorf("its transaction was rolled back after %v: the engine's lease of %v ran out, which nobody can renew meanwhile on a database with one writer; "+
				"do less in one step, or give the engine a longer lease", t.worked.Round(time.Second/10), r.Owner.Lease)
		}
		return nil, t.again, txError(ctx, err)
	}
	r.edit(func() { r.done(i) })
	r.entry.Confirm(t.ack, false)
	return t.output, false, nil
}

// runInTx performs the step in a transaction. Until one has begun it waits for the
// database, as any write does: that it is away is no failure of the step's.
func (t *stepTx) runInTx(ctx context.Context, session *session) error {
	delays := pause.New()
	for {
		begun := false
		err := t.Store.InTx(ctx, t.Store.DB(), func(ctx context.Context, tx bun.Tx) error {
			begun = true
			return t.perform(ctx, tx, session)
		})
		if err == nil || begun || ctx.Err() != nil {
			return err
		}
		t.Log.Warn("cannot begin a step's transaction; trying again", t.with("step", t.plan.Steps[t.i].Name, "error", err)...)
		if !pause.For(ctx, delays.NextBackOff()) {
			return err
		}
	}
}

// mostBeforeEnd is the most progress that a job has which has not ended.
const mostBeforeEnd = 0.999999

// perform calls the step and writes its record.
func (t *stepTx) perform(ctx context.Context, tx bun.Tx, session *session) error {
	if err := t.callStep(ctx, tx, session); err != nil {
		return err
	}
	var unfit error
	t.edit(func() {
		if t.output, unfit = t.keepOutput(t.output); unfit == nil {
			t.recordCompletion(t.i, t.output)
		}
	})
	if unfit != nil {
		t.again = false
		return unfit
	}
	t.wrote = true
	write := t.entry.Send()
	// The tracker, which takes nothing back, moves once the step is committed.
	t.edit(func() { write.Progress = max(write.Progress, min(model.WeightedShare(t.data.Steps), mostBeforeEnd)) })
	ack, mine, err := t.Store.WriteIn(ctx, tx, write)
	if err == nil && !mine {
		t.taken = true
		return plan.ErrLeaseLost
	}
	t.ack = ack
	return err
}

// callStep calls the step's function.
func (t *stepTx) callStep(ctx context.Context, tx bun.Tx, session *session) error {
	const precision = 50 // parts of a lease
	if t.Store.SoleWriter() {
		watch := newStopwatch(t.Owner.Lease / precision)
		defer func() { t.worked = watch.stop() }()
	}
	planned := &t.plan.Steps[t.i]
	return plan.Guard(func() (err error) {
		if t.output, err = planned.Tx(ctx, tx, session); err != nil {
			t.again = planned.Retry.ShouldRetry(plan.WithReason(ctx, err))
		}
		return err
	})
}

// takeBack puts the run back to what it was before a transaction that was rolled back.
func (t *stepTx) takeBack() {
	t.edit(func() {
		if t.data.Steps[t.i].SetsResult {
			t.data.Result = t.result
		}
		t.data.Steps[t.i], t.changes.records[t.i] = t.before, true
		if t.wrote {
			t.Restore()
		}
	})
	if t.taken {
		t.entry.Lose()
	}
}

// exceedsLease reports whether the lease expired because of what the step did in its
// transaction: it would do so each time. That its process stood still, or what the
// database takes to commit it or is away for, is not the step's. The run ends with that
// as its failure then, if its row is still its own.
func (t *stepTx) exceedsLease() bool {
	if !t.Store.SoleWriter() || t.worked < t.Owner.Lease-t.Heartbeat {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stops.txExceedsLease = t.stops.expired && !t.entry.Gone()
	return t.stops.txExceedsLease
}

// txError is the error of a transaction, together with why its context ended:
// that is why it was rolled back, whatever the database or the driver call it.
func txError(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, plan.ErrTimeout):
		return cause
	case cause != nil && !errors.Is(err, cause):
		return fmt.Errorf("%w: %w", cause, err)
	default:
		return err
	}
}

// findOutcome finds out what became of a transaction whose end is unknown: nil if it
// took effect after all. It asks until it has an answer, even when the run is to end:
// a run that continues without knowing would write over the record. Only where the
// engine stops and the lease has expired is that left to whoever settles the job.
func (t *stepTx) findOutcome(failed error) error {
	t.Log.Warn("the end of a step's transaction is unknown; asking for it", t.with("step", t.plan.Steps[t.i].Name, "error", t.Shown(failed.Error()))...)
	delays := pause.New()
	for {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.life), t.Owner.Lease)
		document, mine, err := t.Store.Recorded(ctx, t.job.ID, t.job.Attempt)
		cancel()
		if err == nil {
			return t.outcome(document, mine, failed)
		}
		if t.isHandedOver() {
			t.abandon()
		}
		if !t.entry.Live() {
			return fmt.Errorf("%w: %w: whether the transaction took effect is not known here", plan.ErrLeaseLost, failed)
		}
		pause.For(context.WithoutCancel(t.life), delays.NextBackOff()) // also when the run is to end: see above
	}
}

// isHandedOver reports whether the engine stops.
func (r *run) isHandedOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stops.handOver
}

// outcome is findOutcome's answer from what the row has.
func (t *stepTx) outcome(document json.RawMessage, mine bool, failed error) error {
	if !mine {
		t.taken = true
		return plan.ErrLeaseLost
	}
	data, err := model.ParseData(document)
	if err != nil {
		return err
	}
	if k := data.Step(t.plan.Steps[t.i].Name); k >= 0 && data.Steps[k].Status == model.StepCompleted {
		return nil
	}
	return failed
}

// holdForTx keeps the run out of flushes, once the one that it may be in has finished,
// and once no other member of its group is in a transaction. releaseTx must follow.
func (r *run) holdForTx(ctx context.Context) error {
	select {
	case r.inTx <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := r.entry.Hold(ctx)
	if err != nil {
		<-r.inTx
	}
	return err
}

func (r *run) releaseTx() {
	r.entry.Release()
	<-r.inTx
}
