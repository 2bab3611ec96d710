package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// migrateFurther does what a migration of a next version may do: it adds columns that are
// nullable or have a default, and an index.
func migrateFurther(t *testing.T, db *bun.DB) {
	t.Helper()
	for _, statement := range []string{
		"ALTER TABLE job_system_jobs ADD COLUMN tenant TEXT",
		"ALTER TABLE job_system_jobs ADD COLUMN newer INTEGER NOT NULL DEFAULT 5",
		"CREATE INDEX job_system_jobs_newer ON job_system_jobs (newer, id)",
		"ALTER TABLE job_type_lock ADD COLUMN note TEXT",
		"INSERT INTO job_system_migrations (name, group_id) VALUES ('0002_newer', 2)",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

// deployed is a host's definition in one of two versions: in the next version one step is
// renamed and another one added. after is called in each step.
func deployed(jobType string, next bool, done *ledger, after func(step string)) *steps.Definition[input] {
	d := steps.Define[input](steps.Type(jobType))
	add := func(name, effect string, opts ...steps.Option) {
		steps.Do(d, name, func(_ context.Context, run *steps.Run[input]) error {
			done.note(run.Job().ID.String() + ":" + effect)
			after(effect)
			return nil
		}, opts...)
	}
	add("a", "a")
	if next {
		add("bill", "b", steps.WasNamed("b"))
	} else {
		add("b", "b")
	}
	add("c", "c")
	if next {
		add("d", "d")
	}
	return d
}

// handOver runs a job in one version until the end of a step, or to its end if step is
// empty, and makes the engine hand it over there.
func handOver(t *testing.T, db *bun.DB, id uuid.UUID, next bool, done *ledger, step string) *model.JobView {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := config()
	cfg.Grace = patience
	guard := newStopGuard()
	var eng *engine.Engine
	eng = newEngine(t, db, cfg, guard.definition(), deployed("test:job", next, done, func(effect string) {
		if effect == step {
			guard.stop(t, eng, cancel)
		}
	}))
	ran := make(chan error, 1)
	go func() { ran <- eng.Run(ctx) }()
	if step == "" {
		ended(t, eng, id)
		cancel()
	}
	require.NoError(t, receive(t, ran))
	s, err := eng.Status(t.Context(), id)
	require.NoError(t, err)
	return s
}

// A job runs on engines of two versions of the library and of the host's definition, and is
// handed over in both directions at each of its steps: it continues, or is rejected with
// its record unchanged and continues in the next version.
func TestJobsAreHandedOverBetweenTwoVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from     string
		step     string
		rejected string
		d        int // how often the next version's own step runs
	}{
		{from: "this", step: "a", d: 1},
		{from: "this", step: "b", d: 1},
		{from: "next", step: "a"},
		{from: "next", step: "b", rejected: `step "bill" is recorded as completed, but the definition has no step of that name`, d: 1},
		{from: "next", step: "c", rejected: `step "bill" is recorded as completed, but the definition has no step of that name`, d: 1},
	} {
		t.Run(fmt.Sprintf("%s after %s", c.from, c.step), func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var done ledger
				id := enqueue(t, newEngine(t, db, config()), input{}).ID
				migrateFurther(t, db)
				s := handOver(t, db, id, c.from == "next", &done, c.step)
				require.Equal(t, model.Scheduled, s.Status, s.Error)
				mark(t, db, id)
				before, _ := columns(t, db, id)
				s = handOver(t, db, id, c.from != "next", &done, "")
				if c.rejected != "" {
					require.Equal(t, model.Failed, s.Status)
					assert.Contains(t, s.Error, c.rejected)
					after, _ := columns(t, db, id)
					assert.Equal(t, before, after)
					require.NoError(t, newEngine(t, db, config(), deployed("test:job", true, &done, func(string) {})).Resume(t.Context(), id))
					s = handOver(t, db, id, true, &done, "")
				}
				require.Equal(t, model.Succeeded, s.Status, s.Error)
				assert.Equal(t, 1, done.of(id, "a"))
				assert.Equal(t, 1, done.of(id, "b"))
				assert.Equal(t, 1, done.of(id, "c"))
				assert.Equal(t, c.d, done.of(id, "d"))
				assert.Subset(t, marked(t, db, id), []string{"data", "plan", "steps a", "steps c"})
			})
		})
	}
}

// turnstile lets so many callers continue in each turn; later ones wait for the next turn.
type turnstile struct {
	mu   sync.Mutex
	left int
	gate chan struct{}
	over chan struct{} // gets one when the last caller of a turn has continued
}

func newTurnstile(n int) *turnstile {
	return &turnstile{left: n, gate: make(chan struct{}), over: make(chan struct{}, 1)}
}

func (s *turnstile) wait() {
	s.mu.Lock()
	s.left--
	left, gate := s.left, s.gate
	s.mu.Unlock()
	switch {
	case left == 0:
		s.over <- struct{}{}
	case left < 0:
		<-gate
	}
}

// open begins the next turn.
func (s *turnstile) open(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gate)
	s.left, s.gate = n, make(chan struct{})
}

// A fleet is deployed while it works: engines of this version run, the tables of the next
// version are made, its engines start and the old ones stop; it is rolled back to this
// version and deployed again. Each job succeeds, with each of its effects once.
func TestAFleetIsDeployedRolledBackAndDeployedAgainUnderLoad(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		const types, perType, between = 6, 8, 20
		var done ledger
		turns := newTurnstile(between)
		db := testdb.Open(t, text)
		watch := newEngine(t, db, config())
		ids := enqueueLoad(t, watch, types, perType)
		run := func(next bool) (stop func()) {
			var definitions []steps.Handler
			for k := range types {
				definitions = append(definitions, deployed(loadType(k), next, &done, func(string) { turns.wait() }))
			}
			cfg := deploying(4 * patience)
			cfg.Grace = patience
			eng := newEngine(t, testdb.Open(t, text), cfg, definitions...)
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- eng.Run(ctx) }()
			t.Cleanup(func() { assert.NoError(t, receive(t, ran)) })
			return cancel
		}
		old := run(false)
		receive(t, turns.over)
		migrateFurther(t, db)
		fresh := run(true)
		turns.open(between)
		receive(t, turns.over)
		old()
		turns.open(between)
		receive(t, turns.over)
		old = run(false) // the deploy is rolled back
		fresh()
		turns.open(between)
		receive(t, turns.over)
		fresh = run(true)
		defer fresh()
		old()
		turns.open(1 << 20)
		byNext := 0
		for _, id := range ids {
			s := ended(t, watch, id)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			if len(s.Steps) == 4 {
				byNext++
			}
			assert.Equal(t, 1, done.of(id, "a"))
			assert.Equal(t, 1, done.of(id, "b"))
			assert.Equal(t, 1, done.of(id, "c"))
			assert.Equal(t, len(s.Steps)-3, done.of(id, "d"))
			assert.False(t, slices.ContainsFunc(s.Steps, func(step model.StepView) bool { return step.Attempts != 1 }))
		}
		assert.Positive(t, byNext)
		assert.Less(t, byNext, len(ids), "some were ended by this version")
		t.Log(byNext, "ended by the next version")
		sound(t, db)
		var values []int
		require.NoError(t, db.NewRaw("SELECT DISTINCT newer FROM job_system_jobs").Scan(t.Context(), &values))
		assert.Equal(t, []int{5}, values, "columns that are not known keep their values")
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

// Ten processes make the tables at once, while engines start on them and work: an engine
// starts when it can, and returns what is missing until then.
func TestTablesAreMadeWhileEnginesStartAndWork(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, text string) {
		const migrating, engines, types, perType = 10, 3, 4, 5
		var done ledger
		watch := testdb.Open(t, text)
		dbs := make([]*bun.DB, migrating+engines)
		for i := range dbs {
			dbs[i] = testdb.Open(t, text)
		}
		engs := make([]*engine.Engine, engines)
		errs := atOnce(len(dbs), func(i int) error {
			if i < migrating {
				return migrations.Migrate(t.Context(), dbs[i])
			}
			for {
				eng, err := engine.New(dbs[i], config())
				if err == nil {
					engs[i-migrating] = eng
					return nil
				}
				if !errors.Is(err, engine.ErrNotMigrated) {
					return err
				}
				select {
				case <-time.After(5 * time.Millisecond):
				case <-t.Context().Done():
					return t.Context().Err()
				}
			}
		})
		for _, err := range errs {
			require.NoError(t, err)
		}
		for _, eng := range engs {
			for _, d := range load(types, &done, func(context.Context, int) error { return nil }) {
				require.NoError(t, eng.Register(d))
			}
			start(t, eng)
		}
		ids := enqueueLoad(t, engs[0], types, perType)
		for _, err := range atOnce(migrating, func(i int) error { return migrations.Migrate(t.Context(), dbs[i]) }) {
			require.NoError(t, err)
		}
		for _, id := range ids {
			ended(t, engs[0], id)
		}
		completedOnce(t, engs[0], ids, &done)
		require.NoError(t, migrations.Check(t.Context(), watch))
		sound(t, watch)
	})
}

// Nothing prevents a rollback from dropping the tables under an engine. The jobs that run
// meanwhile end with their next record, nothing of them is kept, and engines that start on
// new tables work.
func TestARollbackUnderARunningEngineLosesItsJobsAndNothingElse(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		begun, release, failed := make(chan uuid.UUID, 1), make(chan struct{}), make(chan error, 1)
		d := one("test:job", func(ctx context.Context, run *steps.Run[input]) error {
			if run.Input().N == 1 {
				return nil
			}
			begun <- run.Job().ID
			<-release
			err := run.Checkpoint(ctx, 1)
			failed <- err
			return err
		})
		stop := start(t, newEngine(t, testdb.Open(t, text), config(), d))
		db := testdb.Open(t, text)
		enqueue(t, newEngine(t, db, config()), input{})
		receive(t, begun)
		require.NoError(t, migrations.Rollback(t.Context(), db))
		_, err := engine.New(db, config())
		require.ErrorIs(t, err, engine.ErrNotMigrated)
		close(release)
		require.NoError(t, migrations.Migrate(t.Context(), db))
		require.ErrorIs(t, receive(t, failed), engine.ErrLeaseLost)
		stop()
		n, err := db.NewSelect().Model((*model.Job)(nil)).Count(t.Context())
		require.NoError(t, err)
		assert.Zero(t, n, "every job is gone")
		free(t, db)
		again := newEngine(t, db, config(), d)
		start(t, again)
		assert.Equal(t, model.Succeeded, ended(t, again, enqueue(t, again, input{N: 1}).ID).Status)
	})
}
