package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAChildThatEndsWithoutARunWakesItsParent(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		ends := map[string]func(*engine.Engine, uuid.UUID) error{
			"was cancelled by ann": func(eng *engine.Engine, id uuid.UUID) error { return eng.Cancel(t.Context(), id, "ann", "") },
			"it was deleted":       func(eng *engine.Engine, id uuid.UUID) error { return eng.Delete(t.Context(), id) },
			"is cancelled: interrupted": func(eng *engine.Engine, id uuid.UUID) error { // its engine is dead; a cancel settles it
				if err := orphan(t, db, id, "nowhere"); err != nil {
					return err
				}
				return eng.Cancel(t.Context(), id, "", "")
			},
		}
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"nowhere"}))
		start(t, eng)
		for want, end := range ends {
			job := enqueue(t, eng, raw("parent"))
			ids := childrenOf(t, eng, job.ID)
			require.NoError(t, end(eng, ids[0]))
			s := ended(t, eng, job.ID)
			assert.Equal(t, model.Failed, s.Status)
			assert.Contains(t, s.Error, want)
		}
	})
}

// orphan makes a job look as it does after the process that ran it died and its lease
// expired.
func orphan(t *testing.T, db *bun.DB, id uuid.UUID, jobType string) error {
	t.Helper()
	return db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw("UPDATE job_system_jobs SET status = 'processing', attempt = attempt + 1 WHERE id = ?", id.String()).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM job_type_lock WHERE type = ?", jobType).Exec(ctx); err != nil {
			return err
		}
		var attempt int64
		if err := tx.NewRaw("SELECT j.attempt FROM job_system_jobs j WHERE j.id = ?", id.String()).Scan(ctx, &attempt); err != nil {
			return err
		}
		lock := &model.TypeLock{Type: jobType, Owner: "dead", JobID: &id, Attempt: attempt, LockedUntil: model.TimeOf(time.Now().Add(-time.Hour)), UpdatedAt: model.TimeOf(time.Now())}
		_, err := tx.NewInsert().Model(lock).Exec(ctx)
		return err
	})
}

// The parent is not notified of its child's end: it checks by itself before long, which the
// test does not wait for.
func TestAParentThatIsNotNotifiedChecksByItself(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), parentOf("parent", []string{"nowhere"}))
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		ids := childrenOf(t, eng, job.ID)
		_, err := db.NewUpdate().Model((*model.Job)(nil)).Set("status = 'succeeded'").Where("id = ?", ids[0].String()).Exec(t.Context())
		require.NoError(t, err)
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.LessOrEqual(t, s.ScheduledAt.Sub(s.Steps[1].StartedAt.Time), 2*time.Minute)
		_, err = db.NewUpdate().Model((*model.Job)(nil)).Set("scheduled_at = created_at").Where("id = ?", job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
	})
}

// The process dies after the step has returned which jobs it needs: none is enqueued, and
// the resume enqueues them once.
func TestAParentThatDiesBeforeItsRecordHasEnqueuedNoChildren(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		h := testutil.NewHarness(t, parentOf("parent", []string{"good", "good"}), testutil.OnDB(db))
		job := h.Enqueue(raw("parent"))
		assert.Equal(t, model.Failed, h.Kill(testutil.BeforeRecord("children")).Status)
		list, err := h.Engine().List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		assert.Empty(t, list)
		h.Resume()
		start(t, newEngine(t, db, config(), one("good", nothing)))
		assert.Equal(t, model.Succeeded, h.Run().Status)
		list, err = h.Engine().List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		assert.Len(t, list, 2)
	})
}

// Whichever answer is lost of the writes around children and signals, each child is
// enqueued once and each job ends well.
func TestALostAnswerDoublesNoChildren(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var network faults
		db := openHooked(t, text, &network)
		beside := newEngine(t, testdb.Open(t, text), config())
		eachLostAnswer(t, &network, func(round int32) {
			cfg := config()
			cfg.Poll = 20 * time.Millisecond
			eng := newEngine(t, db, cfg, parentOf("parent", []string{"a", "b"}), one("a", nothing), one("b", nothing))
			job := enqueue(t, beside, raw("parent"))
			stop := start(t, eng)
			s := untilWoken(t, eng, job.ID)
			network.clear()
			if len(s.WaitsFor) > 0 { // the children could not wake it: it would check by itself before long
				_, err := db.NewUpdate().Model((*model.Job)(nil)).Set("scheduled_at = created_at").Where("id = ?", job.ID.String()).Exec(t.Context())
				require.NoError(t, err)
				s = ended(t, eng, job.ID)
			}
			assert.Equal(t, model.Succeeded, s.Status, "round %d: %s", round, s.Error)
			list, err := eng.List(t.Context(), engine.Filter{Parent: job.ID})
			require.NoError(t, err)
			assert.Len(t, list, 2, "round %d", round)
			stop()
		})
	})
}

// untilWoken waits until the job has ended, or waits for children that have.
func untilWoken(t *testing.T, eng *engine.Engine, id uuid.UUID) *model.JobView {
	t.Helper()
	return until(t, eng, id, func(s *model.JobView) bool {
		if s.Status.Ended() {
			return true
		}
		list, err := eng.List(t.Context(), engine.Filter{Parent: id, Statuses: []model.Status{model.Succeeded}})
		require.NoError(t, err)
		return len(list) == 2 && s.WaitsFor != "" && time.Since(s.UpdatedAt.Time) > time.Second
	})
}
