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

// stepTx is one attempt of a step in a transaction: the step's own writes and its record
// commit together.
type stepTx struct {
	*run
	i       int
	before  model.StepRecord // the record to restore if the transaction is rolled back
	result  json.RawMessage  // the job's result to restore then
	output  json.RawMessage
	again   bool // whether the error is worth another attempt
	wrote   bool // whether the record was sent: from then on the outcome may be unknown
	rowLost bool // whether the row is no longer the run's
	ack     store.Ack
	worked  time.Duration // how long the step used the transaction; measured only with a sole writer
}

// callInTx is call for a step in a transaction. If the outcome of the transaction is
// unknown, it waits until it is known.
func (r *run) callInTx(ctx context.Context, i int, session *session) (output json.RawMessage, again bool, err error) {
	session.inTx = true
	// No flush may write this run meanwhile: it would wait for the locked row, and on
	// SQLite for the only connection.
	if err := r.holdForTx(ctx); err != nil {
		return nil, false, err
	}
	defer r.releaseTx()
	t := &stepTx{run: r, i: i, before: r.record(i), again: true}
	r.edit(func() { t.result = r.data.Result })
	err = t.runInTx(ctx, session)
	if err != nil && t.wrote && !t.rowLost {
		err = t.findOutcome(err)
	}
	if err != nil {
		t.rollBack()
		if t.exceedsLease() {
			return nil, false, fmt.Errorf("its transaction was rolled back after %v: the engine's lease of %v expired, since no lease can be renewed during a transaction on a database with one writer; "+
				"do less in one step, or give the engine a longer lease", t.worked.Round(time.Second/10), r.Owner.Lease)
		}
		err = txError(ctx, err)
		if t.wrote && !t.rowLost { // what the database has against the commit is an error of the step's like others
			t.again = t.shouldRetry(err)
		}
		return nil, t.again, err
	}
	r.edit(func() { r.done(i) })
	r.entry.Confirm(t.ack, false)
	return t.output, false, nil
}

// runInTx performs the step in a transaction. It waits for the database until a transaction
// has begun, as any write does: that the database is not available is no failure of the
// step.
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

// mostBeforeEnd is the highest progress of a job that has not ended.
const mostBeforeEnd = 0.999999

// perform calls the step and writes its record.
func (t *stepTx) perform(ctx context.Context, tx bun.Tx, session *session) error {
	if err := t.callStep(ctx, tx, session); err != nil {
		return err
	}
	var outputErr error
	t.edit(func() {
		if t.output, outputErr = t.keepOutput(t.output); outputErr == nil {
			t.recordCompletion(t.i, t.output)
		}
	})
	if outputErr != nil {
		t.again = false
		return outputErr
	}
	t.wrote = true
	write := t.entry.Send()
	// The tracker cannot go back, so it is updated only after the commit.
	t.edit(func() { write.Progress = max(write.Progress, min(model.WeightedShare(t.data.Steps), mostBeforeEnd)) })
	ack, owned, err := t.Store.WriteIn(ctx, tx, write)
	if err == nil && !owned {
		t.rowLost = true
		return plan.ErrLeaseLost
	}
	t.ack = ack
	return err
}

// callStep calls the step's function in the transaction.
func (t *stepTx) callStep(ctx context.Context, tx bun.Tx, session *session) error {
	const precision = 50 // parts of a lease
	if t.Store.SoleWriter() {
		watch := newStopwatch(t.Owner.Lease / precision)
		defer func() { t.worked = watch.stop() }()
	}
	planned := &t.plan.Steps[t.i]
	inStep := context.WithValue(ctx, inTxKey{}, true)
	return plan.Guard(func() (err error) {
		if t.output, err = planned.Tx(inStep, tx, session); err != nil {
			t.again = planned.Retry.ShouldRetry(plan.WithReason(ctx, err))
		}
		return err
	})
}

// inTxKey is the key of a value that the contexts of steps in transactions have.
type inTxKey struct{}

// InTx reports whether ctx is the context of a step in a transaction.
func InTx(ctx context.Context) bool { return ctx.Value(inTxKey{}) != nil }

// rollBack restores the run's state from before a transaction that was rolled back.
func (t *stepTx) rollBack() {
	t.edit(func() {
		if t.data.Steps[t.i].SetsResult {
			t.data.Result = t.result
		}
		t.data.Steps[t.i], t.changes.records[t.i] = t.before, true
		if t.wrote {
			t.Restore()
		}
	})
	if t.rowLost {
		t.entry.Lose()
	}
}

// exceedsLease reports whether the lease expired because the step worked too long in its
// transaction, as it would in each attempt. Time in which the process was suspended, and
// time that the database took to commit or was not available, does not count. If it returns
// true, the run ends with that failure, provided that the row is still its own.
func (t *stepTx) exceedsLease() bool {
	if !t.Store.SoleWriter() || t.worked < t.Owner.Lease-t.Heartbeat {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stops.txExceedsLease = t.stops.expired && !t.entry.Gone()
	return t.stops.txExceedsLease
}

// shouldRetry asks the step's RetryIf, which is the host's code, about an error.
func (t *stepTx) shouldRetry(err error) (again bool) {
	asked := plan.Guard(func() error {
		again = t.plan.Steps[t.i].Retry.ShouldRetry(err)
		return nil
	})
	return asked == nil && again
}

// txError returns the error of a transaction, together with why its context ended. That is
// why it was rolled back, even if the error of the database or the driver does not say so.
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

// findOutcome finds out whether a transaction with an unknown outcome took effect, and
// returns nil if it did. It queries the database until it knows, even when the run must
// end: a run that continued without knowing would overwrite the record. Only if the engine
// stops and the lease has expired, the job is left to be settled.
func (t *stepTx) findOutcome(failed error) error {
	t.Log.Warn("the outcome of a step's transaction is unknown; reading it from the database", t.with("step", t.plan.Steps[t.i].Name, "error", t.Redacted(failed.Error()))...)
	delays := pause.New()
	for {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.life), t.Owner.Lease)
		document, owned, err := t.Store.Recorded(ctx, t.job.ID, t.job.Attempt)
		cancel()
		if err == nil {
			return t.outcome(document, owned, failed)
		}
		if t.isHandedOver() {
			t.abandon()
		}
		if !t.entry.Live() {
			return fmt.Errorf("%w: %w: whether the transaction took effect is not known here", plan.ErrLeaseLost, failed)
		}
		pause.For(context.WithoutCancel(t.life), delays.NextBackOff()) // also when the run must end: see above
	}
}

// isHandedOver reports whether the engine stops.
func (r *run) isHandedOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stops.handOver
}

// outcome returns the outcome of a transaction from what the row contains: nil if it took
// effect, and otherwise the error with which it failed.
func (t *stepTx) outcome(document json.RawMessage, owned bool, failed error) error {
	if !owned {
		t.rowLost = true
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

// holdForTx waits until no other member of the group is in a transaction and the run is in
// no flush, and then keeps the run out of flushes. Unless it returns an error, the caller
// must call releaseTx.
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
