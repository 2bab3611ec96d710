package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
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
	if err := r.hold(ctx); err != nil {
		return nil, false, err
	}
	defer r.letGo()
	t := &stepTx{run: r, i: i, before: r.record(i), again: true}
	r.edit(func() { t.result = r.data.Result })
	err = t.inTx(ctx, session)
	if err != nil && t.wrote && !t.taken {
		err = t.settle(err)
	}
	if err != nil {
		t.takeBack()
		if t.outlastsLease() {
			return nil, false, fmt.Errorf("its transaction was rolled back after %v: the engine's lease of %v ran out, which nobody can renew meanwhile on a database with one writer; "+
				"do less in one step, or give the engine a longer lease", t.worked.Round(time.Second/10), r.worker.Owner.Lease)
		}
		return nil, t.again, r.endOfTx(ctx, err)
	}
	r.edit(func() { r.done(i) })
	r.written(t.ack, false)
	return t.output, false, nil
}

// inTx performs the step in a transaction. Until one has begun it waits for the
// database, as any write does: that it is away is no failure of the step's.
func (t *stepTx) inTx(ctx context.Context, session *session) error {
	pause := newPause()
	for {
		begun := false
		err := t.worker.Store.InTx(ctx, t.worker.Store.DB(), func(ctx context.Context, tx bun.Tx) error {
			begun = true
			return t.perform(ctx, tx, session)
		})
		if err == nil || begun || ctx.Err() != nil {
			return err
		}
		t.worker.Log.Warn("cannot begin a step's transaction; trying again", append(t.attrs(), "step", t.plan.Steps[t.i].Name, "error", err)...)
		if !wait(ctx, pause.NextBackOff()) {
			return err
		}
	}
}

// mostBeforeEnd is the most progress that a job has which has not ended.
const mostBeforeEnd = 0.999999

// perform calls the step and writes its record.
func (t *stepTx) perform(ctx context.Context, tx bun.Tx, session *session) error {
	if err := t.work(ctx, tx, session); err != nil {
		return err
	}
	if err := t.checkOutput(t.output); err != nil {
		t.again = false
		return err
	}
	t.edit(func() { t.recordCompletion(t.i, t.output) })
	t.wrote = true
	write := t.snapshot()
	// The tracker, which takes nothing back, is told once the step is committed.
	t.edit(func() { write.Progress = max(write.Progress, min(Share(t.data.Steps), mostBeforeEnd)) })
	ack, mine, err := t.worker.Store.WriteIn(ctx, tx, write)
	if err == nil && !mine {
		t.taken = true
		return steps.ErrLeaseLost
	}
	t.ack = ack
	return err
}

// work calls the step.
func (t *stepTx) work(ctx context.Context, tx bun.Tx, session *session) error {
	const precision = 50 // parts of a lease
	if t.worker.Store.SoleWriter() {
		watch := newStopwatch(t.worker.Owner.Lease / precision)
		defer func() { t.worked = watch.stop() }()
	}
	planned := &t.plan.Steps[t.i]
	return guard(func() (err error) {
		if t.output, err = planned.Tx(ctx, tx, session); err != nil {
			t.again = planned.Retries.ShouldRetry(reason(ctx, err))
		}
		return err
	})
}

// takeBack has the run be as before a transaction that was rolled back.
func (t *stepTx) takeBack() {
	t.edit(func() {
		if t.data.Steps[t.i].SetsResult {
			t.data.Result = t.result
		}
		t.data.Steps[t.i], t.changed[t.i] = t.before, true
		if t.wrote {
			t.restore(t.flushing)
		}
	})
	if t.taken {
		t.lost()
	}
}

// outlastsLease reports whether the lease ran out because of what the step did in its
// transaction: it would do so each time. That its process stood still, or what the
// database takes to commit it or is away for, is not the step's. The run ends with that
// as its failure then, if its row is still its own.
func (t *stepTx) outlastsLease() bool {
	if !t.worker.Store.SoleWriter() || t.worked < t.worker.Owner.Lease-t.worker.Heartbeat {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outlasted = t.expired && !t.gone
	return t.outlasted
}

// endOfTx is the error of a transaction, together with why its context ended:
// that is why it was rolled back, whatever the database or the driver call it.
func (r *run) endOfTx(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, steps.ErrTimeout):
		return cause
	case cause != nil && !errors.Is(err, cause):
		return fmt.Errorf("%w: %w", cause, err)
	default:
		return err
	}
}

// settle finds out what became of a transaction whose end is unknown: nil if it
// took effect after all. It asks until it is told, even when the run is to end:
// a run that goes on without knowing would write over the record. Only where the
// engine stops and the lease has run out is that left to whoever settles the job.
func (t *stepTx) settle(failed error) error {
	name := t.plan.Steps[t.i].Name
	t.worker.Log.Warn("the end of a step's transaction is unknown; asking for it", append(t.attrs(), "step", name, "error", t.shown(failed.Error()))...)
	pause := newPause()
	for {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.life), t.worker.Owner.Lease)
		document, mine, err := t.worker.Store.Recorded(ctx, t.job.ID, t.job.Attempt)
		cancel()
		if err == nil {
			return t.known(document, mine, failed)
		}
		if t.worker.stops() {
			t.abandon()
		}
		if !t.live() {
			return fmt.Errorf("%w: %w: whether the transaction took effect is not known here", steps.ErrLeaseLost, failed)
		}
		time.Sleep(pause.NextBackOff()) // also when the run is to end: see above
	}
}

// known is settle's answer from what the row has.
func (t *stepTx) known(document json.RawMessage, mine bool, failed error) error {
	if !mine {
		t.taken = true
		return steps.ErrLeaseLost
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

// hold keeps the run out of flushes, once the one that it may be in has landed,
// and once no other member of its group is at this.
func (r *run) hold(ctx context.Context) error {
	select {
	case r.inTx <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	w := r.worker
	w.mu.Lock()
	r.held = true
	free := make(chan struct{})
	if r.flying {
		r.free = free
	} else {
		close(free)
	}
	w.mu.Unlock()
	select {
	case <-free:
		return nil
	case <-ctx.Done():
		r.letGo()
		return context.Cause(ctx)
	}
}

func (r *run) letGo() {
	w := r.worker
	w.mu.Lock()
	r.held, r.free = false, nil
	w.mu.Unlock()
	<-r.inTx
	w.wake()
}
