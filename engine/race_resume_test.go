package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// failsOnce is a definition whose second step fails in a job's first run. See busy for
// another kind of its jobs.
func failsOnce(done *ledger, opts ...steps.DefineOption) *steps.Definition[input] {
	d := steps.Define[input](opts...)
	steps.Do(d, "first", func(ctx context.Context, run *steps.Run[input]) error {
		if run.Input().Text == "busy" {
			<-ctx.Done()
			return ctx.Err()
		}
		done.note(run.IdempotencyKey())
		return nil
	})
	steps.Do(d, "second", func(_ context.Context, run *steps.Run[input]) error {
		if done.note(run.IdempotencyKey()) == 1 {
			return errBoom
		}
		return nil
	})
	return d
}

// If a failed job is resumed or restarted twice at once, one of the two counts, and the
// other gets an error.
func TestOfResumesAndRestartsAtOnceOneCounts(t *testing.T) {
	t.Parallel()
	resume := func(e *engine.Engine, id uuid.UUID) error { return e.Resume(context.Background(), id) }
	restart := func(e *engine.Engine, id uuid.UUID) error { return e.Restart(context.Background(), id) }
	for name, sides := range map[string][2]func(*engine.Engine, uuid.UUID) error{
		"resume and resume": {resume, resume}, "restart and restart": {restart, restart}, "resume and restart": {resume, restart},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDSN(t, func(t *testing.T, text string) {
				var done ledger
				db := testdb.Open(t, text)
				runs, other := newEngine(t, db, unasked(), failsOnce(&done)), newEngine(t, testdb.Open(t, text), unasked(), failsOnce(&done))
				start(t, runs)
				contest(t, db, raced{must: []string{"done, rejected: succeeded", "rejected, done: succeeded"}}, func(o startOrder, n int) string {
					id := enqueue(t, runs, input{}).ID
					require.Equal(t, model.Failed, ended(t, runs, id).Status)
					a, b := o.race(
						side{do: func() error { return sides[0](runs, id) }},
						side{do: func() error { return sides[1](other, id) }})
					runs.Wake() // to poll for the other's changes
					s := ended(t, runs, id)
					restarted := name == "restart and restart" || name == "resume and restart" && b == nil
					assert.Equal(t, map[bool]int{true: 2, false: 1}[restarted], done.of(id, "first"))
					assert.Equal(t, 2, done.of(id, "second"))
					assert.Equal(t, map[bool]int{true: 0, false: 1}[restarted], s.Resumptions)
					assert.EqualValues(t, 2, s.Attempt)
					return fmt.Sprintf("%s, %s: %s", answer(a), answer(b), s.Status)
				})
			})
		})
	}
}

// A job whose process has died is resumed while an engine settles it.
func TestResumesAndRestartsRaceWithRecovery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		goesOn  func(*engine.Engine, uuid.UUID) error
		crashes int
		want    raced
	}{
		// It is rejected while it is being settled.
		"resume":                                 {func(e *engine.Engine, id uuid.UUID) error { return e.Resume(context.Background(), id) }, 0, raced{must: []string{"done: succeeded"}, may: []string{"rejected: failed"}}},
		"restart":                                {func(e *engine.Engine, id uuid.UUID) error { return e.Restart(context.Background(), id) }, 0, raced{must: []string{"done: succeeded"}, may: []string{"rejected: failed"}}},
		"resume of one that continues by itself": {func(e *engine.Engine, id uuid.UUID) error { return e.Resume(context.Background(), id) }, 1, raced{must: []string{"rejected: succeeded"}}},
		"restart of one that continues by itself": {func(e *engine.Engine, id uuid.UUID) error { return e.Restart(context.Background(), id) }, 1, raced{must: []string{"rejected: succeeded"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDSN(t, func(t *testing.T, text string) {
				var done ledger
				define := func() *steps.Definition[input] {
					d := steps.Define[input](steps.ResumeOnCrash(c.crashes))
					steps.Do(d, "only", func(_ context.Context, run *steps.Run[input]) error { done.note(run.IdempotencyKey()); return nil })
					return d
				}
				db := testdb.Open(t, text)
				runs, other := newEngine(t, db, unasked(), define()), newEngine(t, testdb.Open(t, text), unasked(), define())
				start(t, runs)
				contest(t, db, c.want, func(o startOrder, _ int) string {
					id := enqueue(t, other, input{}, later()).ID
					killed(t, db, id)
					err, _ := o.race(
						side{do: func() error { return c.goesOn(other, id) }},
						side{func() error { runs.Wake(); return nil }, func() { ended(t, runs, id) }})
					s := until(t, runs, id, func(s *model.JobView) bool { return s.Status != model.Processing || !s.LeaseExpired })
					if s.Status != model.Failed {
						runs.Wake()
						s = ended(t, runs, id)
					}
					if s.Status == model.Succeeded {
						assert.Equal(t, 1, done.of(id, "only"))
						assert.EqualValues(t, 2, s.Attempt)
						assert.Equal(t, c.crashes, s.Crashes)
					}
					return fmt.Sprintf("%s: %s", answer(err), s.Status)
				})
			})
		})
	}
}
