package proof_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/proof"
)

// scenario is something that a process does and during which it may die.
type scenario struct {
	name string
	// kinds are the kinds of the jobs, one each, that exist before. The process runs their
	// types.
	kinds []proof.Kind
	// prepare does more before that, and may change the orders.
	prepare func(*trial)
	// act is what the process does. If it is nil, the process runs jobs until they have
	// ended and it is stopped.
	act func(context.Context, *actor) error
	// judge returns what must exist after the process has died, before another one
	// continues.
	judge func(*trial, moment)
}

// scenarios returns all scenarios except those of migrations.
func scenarios() []scenario {
	all := []scenario{
		{name: "enqueue one", act: enqueueOne, judge: enqueued(1)},
		{name: "enqueue many", act: enqueueMany, judge: enqueued(3)},
		{name: "enqueue in a host's transaction", act: enqueueInTx, judge: enqueuedInTx},
		{name: "enqueue with a key", act: enqueueWithKey, judge: enqueuedWithKey},
		{name: "cancel a scheduled job", kinds: []proof.Kind{proof.Plain}, act: cancel, judge: cancelled},
		{name: "cancel a running job", kinds: []proof.Kind{proof.Plain}, prepare: leaveRunning, act: cancel, judge: asked},
		{name: "resume", kinds: []proof.Kind{proof.Plain}, prepare: leaveCancelled, act: resume, judge: resumed},
		{name: "run two of a type", kinds: []proof.Kind{proof.Plain, proof.Plain}},
		{name: "settle what goes on by itself", kinds: []proof.Kind{proof.InTx}, prepare: leaveExpired},
		{name: "settle what waits for a person", kinds: []proof.Kind{proof.ByHand}, prepare: leaveExpired},
		{name: "hand over at a stop", kinds: []proof.Kind{proof.Plain}, act: stopAtFirst},
	}
	for _, kind := range proof.Kinds() {
		all = append(all, scenario{name: "run " + string(kind), kinds: []proof.Kind{kind}})
	}
	return all
}

func raw(kind proof.Kind, n int) engine.RawInput {
	return engine.RawInput{Type: kind.Type(0), Input: fmt.Appendf(nil, `{"n":%d}`, n)}
}

// stopAtFirst runs jobs until one's first step has begun.
func stopAtFirst(ctx context.Context, a *actor) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	noted := a.ledger.Noted
	a.ledger.Noted = func(e proof.Entry) {
		noted(e)
		if e.What == proof.StepBegan {
			stop()
		}
	}
	return a.engine.Run(ctx)
}

func enqueueOne(ctx context.Context, a *actor) error {
	_, err := a.engine.Enqueue(ctx, raw(proof.Plain, a.orders.N))
	return err
}

func enqueueMany(ctx context.Context, a *actor) error {
	_, err := a.engine.EnqueueMany(ctx, []engine.NewJob{
		{Input: raw(proof.Plain, a.orders.N)}, {Input: raw(proof.Each, a.orders.N)}, {Input: raw(proof.InTx, a.orders.N)},
	})
	return err
}

// enqueueInTx enqueues a job with a row of the host's own.
func enqueueInTx(ctx context.Context, a *actor) error {
	return a.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw("INSERT INTO proof_host (n) VALUES (?)", a.orders.N).Exec(ctx); err != nil {
			return err
		}
		_, err := a.engine.WithTx(tx).Enqueue(ctx, raw(proof.Plain, a.orders.N))
		return err
	})
}

func key(n int) engine.EnqueueOption { return engine.IdempotencyKey(fmt.Sprint("key ", n)) }

func enqueueWithKey(ctx context.Context, a *actor) error {
	_, err := a.engine.Enqueue(ctx, raw(proof.Plain, a.orders.N), key(a.orders.N))
	return err
}

func cancel(ctx context.Context, a *actor) error {
	return a.engine.Cancel(ctx, uuid.MustParse(a.orders.Jobs[0]), "a person", "")
}

func resume(ctx context.Context, a *actor) error {
	return a.engine.Resume(ctx, uuid.MustParse(a.orders.Jobs[0]))
}

// leaveRunning makes a process die in the first step of the job.
func leaveRunning(tr *trial) {
	w := tr.fleet.Begin(actorRole, tr.settings(), actorOrders{Scenario: "run plain", DieIn: "first"})
	require.Error(tr.t, w.Wait())
	require.True(tr.t, w.Killed(), w.Log())
}

// leaveExpired is leaveRunning with an expired lease.
func leaveExpired(tr *trial) {
	leaveRunning(tr)
	require.NoError(tr.t, proof.ExpireLeases(tr.t.Context(), tr.db))
}

func leaveCancelled(tr *trial) {
	require.NoError(tr.t, tr.client.Cancel(tr.t.Context(), uuid.MustParse(tr.jobs[0].ID), "a person", ""))
}

// enqueued adds the jobs that were enqueued to the trial: all if that had taken effect, or
// none.
func enqueued(want int) func(*trial, moment) {
	return func(tr *trial, died moment) {
		if died.Changed {
			tr.takeIn(want)
		} else {
			tr.takeIn(0)
		}
	}
}

func enqueuedInTx(tr *trial, died moment) {
	enqueued(1)(tr, died)
	var rows int
	require.NoError(tr.t, tr.db.NewRaw("SELECT COUNT(*) FROM proof_host WHERE n = ?", tr.n).Scan(tr.t.Context(), &rows))
	if rows != len(tr.jobs) {
		tr.find(proof.Lost, "the host's transaction left %d rows of its own and %d jobs", rows, len(tr.jobs))
	}
}

// enqueuedWithKey makes the host enqueue it again, since it got no answer.
func enqueuedWithKey(tr *trial, died moment) {
	job, err := tr.client.Enqueue(tr.t.Context(), raw(proof.Plain, tr.n), key(tr.n))
	require.NoError(tr.t, err)
	if job.Existing != died.Changed {
		tr.find(proof.Lost, "enqueued again with its key, the job existed: %v, and not %v", job.Existing, died.Changed)
	}
	tr.takeIn(1)
}

// cancelled expects the job to be cancelled, if the cancel had taken effect.
func cancelled(tr *trial, died moment) {
	tr.jobs[0].Cancel = died.Changed
	tr.wantStatus(map[bool]model.Status{true: model.Cancelled, false: model.Scheduled}[died.Changed])
}

func asked(tr *trial, died moment) {
	tr.jobs[0].Cancel = died.Changed
	tr.wantStatus(model.Processing)
}

func resumed(tr *trial, died moment) {
	tr.jobs[0].Cancel = !died.Changed
	tr.wantStatus(map[bool]model.Status{true: model.Scheduled, false: model.Cancelled}[died.Changed])
}

var errNoScenario = errors.New("no such scenario")
