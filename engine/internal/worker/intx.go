package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// callInTx is call for a step in a transaction: what the step writes there and
// its record commit together. If its end is unknown, it waits until it is known.
func (r *run) callInTx(ctx context.Context, i int, session *session) (output json.RawMessage, again bool, err error) {
	planned := &r.plan.Steps[i]
	session.inTx = true
	// Nothing else of this run is written meanwhile: it would have to wait for
	// the row, and on SQLite for the one connection.
	if err := r.hold(ctx); err != nil {
		return nil, false, err
	}
	defer r.letGo()
	again = true
	before, written := r.record(i), false
	var ack store.Ack
	failed := r.worker.Store.InTx(ctx, r.worker.Store.DB(), func(ctx context.Context, tx bun.Tx) error {
		err := guard(func() (err error) {
			if output, err = planned.Tx(ctx, tx, session); err != nil {
				again = planned.Retries.Worth(reason(ctx, err))
			}
			return err
		})
		if err == nil {
			err = r.checkOutput(output)
		}
		if err != nil {
			return err
		}
		r.edit(func() { r.complete(i, output) })
		written = true
		var mine bool
		if ack, mine, err = r.worker.Store.WriteIn(ctx, tx, r.snapshot()); err == nil && !mine {
			err = steps.ErrLeaseLost
		}
		return err
	})
	if failed != nil && written && !errors.Is(failed, steps.ErrLeaseLost) {
		failed = r.settleTx(i, failed)
	}
	switch {
	case failed == nil:
		r.written(ack, false)
		return output, false, nil
	case written:
		r.edit(func() {
			r.data.Steps[i] = before
			r.restore(r.flushing)
			r.changed[i] = true
		})
	}
	if errors.Is(failed, steps.ErrLeaseLost) && r.ctx.Err() == nil {
		r.lost()
	}
	return nil, again, reason(ctx, failed)
}

// settleTx finds out what became of a transaction whose commit has failed: nil
// if it took effect after all. It asks until it is told, or the run is over.
func (r *run) settleTx(i int, failed error) error {
	name := r.plan.Steps[i].Name
	r.worker.Log.Warn("the end of a step's transaction is unknown; asking for it", append(r.attrs(), "step", name, "error", failed)...)
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 10*time.Millisecond, time.Second
	for {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.life), r.worker.Owner.Lease)
		document, mine, err := r.worker.Store.Recorded(ctx, r.job.ID, r.job.Attempt)
		cancel()
		if err == nil {
			return known(document, mine, name, failed)
		}
		if r.life.Err() != nil {
			return fmt.Errorf("%w: and its end is not known: %w", failed, context.Cause(r.life))
		}
		r.pause(pause.NextBackOff())
	}
}

// known is settleTx's answer from what the row has.
func known(document json.RawMessage, mine bool, step string, failed error) error {
	if !mine {
		return steps.ErrLeaseLost
	}
	data, err := model.ParseData(document)
	if err != nil {
		return err
	}
	if k := data.Step(step); k >= 0 && data.Steps[k].Status == model.StepCompleted {
		return nil
	}
	return failed
}

// hold keeps the run out of flushes, once the one that it may be in has landed.
func (r *run) hold(ctx context.Context) error {
	w := r.worker
	w.mu.Lock()
	r.held = true
	if !r.flying {
		w.mu.Unlock()
		return nil
	}
	free := make(chan struct{})
	r.free = free
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
	r.held = false
	w.mu.Unlock()
	w.wake()
}
