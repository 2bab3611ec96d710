package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// deploying is config for engines during a deploy: they leave jobs to others for so long.
func deploying(window time.Duration) engine.Config {
	c := config()
	c.DeployWindow, c.RetryInPlace = window, -1
	return c
}

const leftFor = "a worker whose definition fits its record: "

// left waits until a job is left to engines with another definition.
func left(t *testing.T, eng *engine.Engine, id uuid.UUID) *model.JobView {
	t.Helper()
	s := until(t, eng, id, func(s *model.JobView) bool { return s.Status.Ended() || strings.HasPrefix(s.WaitsFor, leftFor) })
	require.Equal(t, model.Scheduled, s.Status, s.Error)
	return s
}

// fan is the input of child jobs.
type fan struct{}

func (fan) JobType() string { return "test:fan" }

// change is a change of a definition, and why a job on which the newer one has worked does
// not fit the older one.
type change struct {
	older, newer func(d *steps.Definition[input], tr *trace)
	removed      string // by the newer one
	why          string
}

// definitions are those of one version.
func (c change) definitions(newer bool, tr *trace) []steps.Handler {
	d := steps.Define[input]()
	switch {
	case !newer:
		c.older(d, tr)
	case c.removed == "":
		c.newer(d, tr)
	default:
		d = steps.Define[input](steps.Removed(c.removed))
		c.newer(d, tr)
	}
	child := steps.Define[fan]()
	steps.AwaitSignal[fan, string](child, "release") // so that the parent is seen to wait
	steps.Do(child, "work", func(context.Context, *steps.Run[fan]) error { return nil })
	return []steps.Handler{d, child}
}

func awaitGo(d *steps.Definition[input]) { steps.AwaitSignal[input, string](d, "go") }

func plain(d *steps.Definition[input], tr *trace) {
	tr.add(d, "a")
	awaitGo(d)
	tr.add(d, "z")
}

// changes are those of each kind of step.
func changes() map[string]change {
	return map[string]change{
		"a step appended that the job has passed": {
			older: func(d *steps.Definition[input], tr *trace) { tr.add(d, "a") },
			newer: func(d *steps.Definition[input], tr *trace) {
				tr.add(d, "a")
				tr.add(d, "b")
				awaitGo(d)
			},
			why: `step "b" is recorded as completed, but the definition has no step of that name`,
		},
		"a step appended that the job has not reached": {
			older: plain,
			newer: func(d *steps.Definition[input], tr *trace) {
				plain(d, tr)
				tr.add(d, "b")
			},
			why: `it has not run step "b" yet, which the definition lacks`,
		},
		"a step inserted": {
			older: plain,
			newer: func(d *steps.Definition[input], tr *trace) {
				tr.add(d, "a")
				tr.add(d, "b")
				awaitGo(d)
				tr.add(d, "z")
			},
			why: `step "b" is recorded as completed, but the definition has no step of that name`,
		},
		"a step renamed": {
			older: plain,
			newer: func(d *steps.Definition[input], tr *trace) {
				tr.add(d, "extract", steps.WasNamed("a"))
				awaitGo(d)
				tr.add(d, "z")
			},
			why: `step "extract" is recorded as completed, but the definition has no step of that name`,
		},
		"a step renamed that waits": {
			older: plain,
			newer: func(d *steps.Definition[input], tr *trace) {
				tr.add(d, "a")
				steps.AwaitSignal[input, string](d, "release", steps.WasNamed("go"))
				tr.add(d, "z")
			},
			why: `step "release" is recorded as waiting, but the definition has no step of that name`,
		},
		"a step removed": {
			older: func(d *steps.Definition[input], tr *trace) {
				tr.add(d, "warm up")
				plain(d, tr)
			},
			newer:   plain,
			removed: "warm up",
			why:     `step "a" is recorded as completed, but step "warm up" before it is not done`,
		},
		"a function that waits for a signal now": {
			older: func(d *steps.Definition[input], tr *trace) { tr.add(d, "go") },
			newer: func(d *steps.Definition[input], _ *trace) { awaitGo(d) },
			why:   `step "go" is recorded as waiting for the signal "go", but the definition's step of that name does not wait for such a thing`,
		},
		"a function that sleeps now": {
			older: func(d *steps.Definition[input], tr *trace) { tr.add(d, "a") },
			newer: func(d *steps.Definition[input], _ *trace) { steps.Sleep(d, "a", time.Hour) },
			why:   `step "a" is recorded as waiting for step "a" to end`,
		},
		"a sleep that waits for a signal now": {
			older: func(d *steps.Definition[input], _ *trace) { steps.Sleep(d, "go", time.Hour) },
			newer: func(d *steps.Definition[input], _ *trace) { awaitGo(d) },
			why:   `step "go" is recorded as waiting for the signal "go"`,
		},
		"a wait for a signal that is tried again now": {
			older: func(d *steps.Definition[input], _ *trace) { steps.AwaitSignal[input, string](d, "go") },
			newer: func(d *steps.Definition[input], tr *trace) { failOnce(d, tr, "go") },
			why:   `step "go" is recorded as waiting for the next attempt of step "go"`,
		},
		"a function that runs children now": {
			older: func(d *steps.Definition[input], tr *trace) { tr.add(d, "fan") },
			newer: func(d *steps.Definition[input], _ *trace) {
				steps.ChildJobs(d, "fan", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
					return []steps.Child{{Input: fan{}}}, nil
				})
			},
			why: `step "fan" is recorded as waiting for the job of step "fan"`,
		},
		"an output of another version": {
			older: plain,
			newer: func(d *steps.Definition[input], tr *trace) {
				tr.add(d, "a", steps.Version(1), steps.Migrate(0, func(s string) (string, error) { return s, nil }))
				awaitGo(d)
				tr.add(d, "z")
			},
			why: `step "a": its recorded output is of version 1, newer than the definition's 0`,
		},
		"an output of another type": {
			older: plain,
			newer: func(d *steps.Definition[input], tr *trace) {
				steps.Add(d, "a", func(context.Context, *steps.Run[input]) (int, error) { tr.note("a"); return 1, nil })
				awaitGo(d)
				tr.add(d, "z")
			},
			why: `step "a": its recorded output no longer decodes`,
		},
		"steps that are members of a group now": {
			older: func(d *steps.Definition[input], tr *trace) {
				tr.add(d, "slow")
				tr.add(d, "fast")
			},
			newer: func(d *steps.Definition[input], tr *trace) {
				both := steps.Parallel(d, "both")
				failOnce(both, tr, "slow")
				steps.Do(both, "fast", func(context.Context, *steps.Run[input]) error { return nil })
			},
			why: `step "fast" is recorded as completed, but step "slow" before it is not done`,
		},
	}
}

// failOnce adds a step that fails at its first attempt.
func failOnce(d steps.Scope[input], tr *trace, name string) {
	steps.Do(d, name, func(_ context.Context, run *steps.Run[input]) error {
		if run.Attempt() == 1 {
			return errBoom
		}
		tr.note(name)
		return nil
	}, steps.Retry(2, time.Hour))
}

// elapse ends a sleep of a job, or a delay before an attempt, as if its time had passed.
func elapse(t *testing.T, db *bun.DB, id uuid.UUID) {
	t.Helper()
	elapsed := false
	edit(t, db, id, func(data object, _ []any) {
		for _, record := range data["steps"].([]any) {
			if o := record.(object); o["status"] == "waiting" && o["wait_until"] != nil {
				o["wait_until"], elapsed = o["started_at"], true
			}
		}
	})
	if elapsed {
		_, err := db.NewRaw("UPDATE job_system_jobs SET scheduled_at = created_at WHERE id = ?", id.String()).Exec(t.Context())
		require.NoError(t, err)
	}
}

// A newer engine has begun a job, and an older one gets it when its wait is over: it leaves
// the job as it is, runs others of the type, and the newer one ends it.
func TestAnOlderEngineLeavesANewerOnesJobToIt(t *testing.T) {
	t.Parallel()
	for name, c := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var byOlder, byNewer trace
				watch := newEngine(t, db, config())
				id := enqueue(t, watch, input{}).ID
				newer := func() *engine.Engine {
					return newEngine(t, db, deploying(patience), c.definitions(true, &byNewer)...)
				}
				stop := start(t, newer())
				until(t, watch, id, func(s *model.JobView) bool { return s.WaitsFor != "" && s.Status == model.Scheduled })
				stop()
				elapse(t, db, id)
				waiting, err := watch.Job(t.Context(), id)
				require.NoError(t, err)

				older := newEngine(t, db, deploying(patience), c.definitions(false, &byOlder)...)
				start(t, older)
				for _, signal := range []string{"go", "release"} {
					_, err := watch.Signal(t.Context(), id, signal, "yes", "ann")
					require.NoError(t, err)
				}
				children, err := watch.List(t.Context(), engine.Filter{Parent: id})
				require.NoError(t, err)
				for _, child := range children {
					_, err := watch.Signal(t.Context(), child.ID, "release", "yes", "ann")
					require.NoError(t, err)
				}
				s := left(t, older, id)
				assert.Contains(t, s.WaitsFor, c.why)
				assert.Empty(t, s.Error)
				assert.WithinDuration(t, s.StartedAt.Add(patience), s.WaitsUntil.Time, time.Second)
				row, err := watch.Job(t.Context(), id)
				require.NoError(t, err)
				assert.JSONEq(t, string(waiting.Data), string(row.Data))
				assert.Empty(t, byOlder.drain())
				other := enqueue(t, watch, input{N: 1}).ID
				until(t, watch, other, func(s *model.JobView) bool { return s.Status == model.Succeeded || s.WaitsFor != "" })

				start(t, newer())
				s = ended(t, watch, id)
				require.Equal(t, model.Succeeded, s.Status, s.Error)
				assert.Empty(t, s.Error)
				assert.Equal(t, s.StepsTotal, s.StepsCompleted)
				assert.LessOrEqual(t, s.Attempt, row.Attempt+2, "the older engine has not claimed it again and again")
				row, err = watch.Job(t.Context(), id)
				require.NoError(t, err)
				assert.True(t, row.LeftUntil.IsZero())
				assert.Empty(t, row.Error)
			})
		})
	}
}

// In the other direction each change fits: a newer engine continues an older one's job,
// whether or not the older one has left it.
func TestANewerEngineContinuesAnOlderOnesJob(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a step appended that the job has passed", "a step appended that the job has not reached", "a step renamed", "a step renamed that waits",
		"a step removed", "an output of another version",
	} {
		c := changes()[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var by trace
				id := enqueue(t, newEngine(t, db, config()), input{}).ID
				older := newEngine(t, db, deploying(patience), c.definitions(false, &by)...)
				stop := start(t, older)
				s := until(t, older, id, func(s *model.JobView) bool { return s.Status.Ended() || s.WaitsFor != "" })
				stop()
				if s.Status == model.Succeeded {
					return // it has done all that its definition has
				}
				newer := newEngine(t, db, deploying(patience), c.definitions(true, &by)...)
				_, err := newer.Signal(t.Context(), id, "go", "yes", "ann")
				require.NoError(t, err)
				start(t, newer)
				s = ended(t, newer, id)
				require.Equal(t, model.Succeeded, s.Status, s.Error)
			})
		})
	}
}

// A job that no engine fits fails when the time is over, as it does at once without such a
// time. A job that lacks only a step that has not begun continues without it.
func TestAJobIsLeftForABoundedTime(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"a step inserted": true, "a step appended that the job has not reached": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				c, tr := changes()[name], trace{}
				watch := newEngine(t, db, config())
				id := enqueue(t, watch, input{}).ID
				runUntil(t, db, c.definitions(true, &tr)[0], id)
				before, err := watch.Job(t.Context(), id)
				require.NoError(t, err)
				_, err = watch.Signal(t.Context(), id, "go", "yes", "ann")
				require.NoError(t, err)
				const window = 500 * time.Millisecond
				cfg, log := logged()
				cfg.DeployWindow = window
				for range 2 {
					start(t, newEngine(t, db, cfg, c.definitions(false, &tr)...))
				}
				first := left(t, watch, id)
				s := ended(t, watch, id)
				assert.Contains(t, log.String(), "leaving it to engines whose definition it fits")
				assert.False(t, s.StartedAt.Before(first.WaitsUntil.Time), "it was not claimed for good before that")
				assert.LessOrEqual(t, s.Attempt, before.Attempt+4, "each engine has claimed it once")
				if !fails {
					require.Equal(t, model.Succeeded, s.Status, s.Error)
					assert.Len(t, s.Steps, 3)
					return
				}
				require.Equal(t, model.Failed, s.Status)
				assert.Contains(t, s.Error, "the recorded steps do not fit the definition, nothing was run")
				after, err := watch.Job(t.Context(), id)
				require.NoError(t, err)
				assert.JSONEq(t, string(before.Data), string(after.Data))
				require.NoError(t, newEngine(t, db, config(), c.definitions(true, &tr)...).Resume(t.Context(), id))
				row, err := watch.Job(t.Context(), id)
				require.NoError(t, err)
				assert.True(t, row.LeftUntil.IsZero(), "a person has begun another time")
			})
		})
	}
}

// An older engine that never runs out of jobs of the type gives a newer one the chance to
// claim what it has left, and meanwhile continues with its own in their order.
func TestABacklogDoesNotKeepALeftJobFromANewerEngine(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		c, tr := changes()["a step inserted"], trace{}
		db := testdb.Open(t, text)
		watch := newEngine(t, db, config())
		var ids []uuid.UUID
		for range 5 {
			ids = append(ids, enqueue(t, watch, input{}).ID)
		}
		stop := start(t, newEngine(t, testdb.Open(t, text), deploying(patience), c.definitions(true, &tr)...))
		for _, id := range ids {
			until(t, watch, id, func(s *model.JobView) bool { return s.WaitsFor != "" && s.Status == model.Scheduled })
		}
		stop()
		for _, id := range ids {
			_, err := watch.Signal(t.Context(), id, "go", "yes", "ann")
			require.NoError(t, err)
		}
		// Jobs of an older definition that keeps the type for as long as it has any.
		var ran, enough atomic.Int64
		endless := steps.Define[input]()
		steps.Do(endless, "a", func(ctx context.Context, run *steps.Run[input]) error {
			ran.Add(1)
			if enough.Load() > 0 {
				return nil
			}
			_, err := watch.Enqueue(ctx, input{})
			return err
		})
		enqueue(t, watch, input{})
		start(t, newEngine(t, testdb.Open(t, text), deploying(patience), endless))
		for _, id := range ids {
			left(t, watch, id)
		}
		before := ran.Load()
		require.Eventually(t, func() bool { return ran.Load() > before+5 }, patience, time.Millisecond, "others continue meanwhile")
		start(t, newEngine(t, testdb.Open(t, text), deploying(patience), c.definitions(true, &tr)...))
		for _, id := range ids {
			s := ended(t, watch, id)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
		}
		enough.Store(1)
	})
}

// A cancel of a left job undoes its steps, which only an engine that has them can do.
func TestALeftJobThatIsCancelledIsUndoneByAnEngineThatFits(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		newer := steps.Define[input]()
		undoable(newer, &log, "reserve", willing)
		undoable(newer, &log, "charge", willing)
		awaitGo(newer)
		older := steps.Define[input]()
		undoable(older, &log, "reserve", willing)
		watch := newEngine(t, db, config())
		id := enqueue(t, watch, input{}).ID
		runUntil(t, db, newer, id)
		start(t, newEngine(t, db, deploying(patience), older))
		require.NoError(t, watch.Cancel(t.Context(), id, "ann", "enough"))
		s := left(t, watch, id)
		assert.True(t, s.CancelRequested)
		assert.Equal(t, "reserve charge", log.read())
		start(t, newEngine(t, db, deploying(patience), newer))
		s = ended(t, watch, id)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, "-charge -reserve", log.read())
	})
}

// A definition that cannot even make a plan for what a newer one has begun leaves it, too. A
// job that no engine has begun fails: its input is what is wrong.
func TestAnInputThatNoPlanCanBeMadeForIsLeftOnlyIfAnEngineCould(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		older := steps.DefineFunc(func(in input) (*steps.Definition[input], error) { return nil, errors.New("unknown kind of report") })
		newer := awaiting()
		eng := newEngine(t, db, deploying(patience), older)
		begun := enqueue(t, newEngine(t, db, config()), input{}).ID
		runUntil(t, db, newer, begun)
		start(t, eng)
		fresh := enqueue(t, eng, input{}).ID
		assert.Equal(t, model.Failed, ended(t, eng, fresh).Status)
		_, err := eng.Signal(t.Context(), begun, "approve", approval{true}, "ann")
		require.NoError(t, err)
		assert.Contains(t, left(t, eng, begun).WaitsFor, "unknown kind of report")
		start(t, newEngine(t, db, deploying(patience), newer))
		assert.Equal(t, model.Succeeded, ended(t, eng, begun).Status)
	})
}

// A person who resumes a job by a definition wants it to continue by that one.
func TestAResumeByADefinitionDoesNotWaitForAnother(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var tr trace
		before, now := steps.Define[input](), steps.Define[input]()
		tr.fail(before, "a")
		tr.add(before, "b")
		tr.add(now, "a")
		id := enqueue(t, newEngine(t, db, config()), input{}).ID
		runUntil(t, db, before, id)
		eng := newEngine(t, db, deploying(patience), now)
		require.NoError(t, eng.Resume(t.Context(), id))
		start(t, eng)
		s := ended(t, eng, id)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.EqualValues(t, 2, s.Attempt)
	})
}
