package engine_test

import (
	"context"
	"encoding/json"
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

// newerKey is a key that a newer version of the module has added to the objects of a job's
// row.
const newerKey = "of_a_newer_version"

type object = map[string]any

// edit changes a job's columns of JSON as another version of the module would.
func edit(t *testing.T, db *bun.DB, id uuid.UUID, change func(data object, signals []any)) {
	t.Helper()
	require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		data, signals := columns(t, tx, id)
		change(data, signals)
		document, err := json.Marshal(data)
		require.NoError(t, err)
		if _, err = tx.NewRaw("UPDATE job_system_jobs SET data = ? WHERE id = ?", string(document), id.String()).Exec(ctx); err != nil || signals == nil {
			return err
		}
		list, err := json.Marshal(signals)
		require.NoError(t, err)
		_, err = tx.NewRaw("UPDATE job_system_jobs SET signals = ? WHERE id = ?", string(list), id.String()).Exec(ctx)
		return err
	}))
}

func columns(t *testing.T, db bun.IDB, id uuid.UUID) (data object, signals []any) {
	t.Helper()
	var document string
	var list *string
	require.NoError(t, db.NewRaw("SELECT data, signals FROM job_system_jobs WHERE id = ?", id.String()).Scan(t.Context(), &document, &list))
	require.NoError(t, json.Unmarshal([]byte(document), &data))
	if list != nil {
		require.NoError(t, json.Unmarshal([]byte(*list), &signals))
	}
	return data, signals
}

// objects returns the module's own objects in those columns of a job, by where they are.
func objects(data object, signals []any) map[string]object {
	all := map[string]object{"data": data}
	add := func(where string, value any) {
		if o, ok := value.(object); ok {
			all[where] = o
		}
	}
	add("plan", data["plan"])
	add("undoing", data["undoing"])
	for _, list := range []string{"steps", "history"} {
		records, _ := data[list].([]any)
		for _, record := range records {
			name, _ := record.(object)["name"].(string)
			add(list+" "+name, record)
			add(list+" "+name+" undo", record.(object)["undo"])
		}
	}
	for _, signal := range signals {
		name, _ := signal.(object)["name"].(string)
		add("signal "+name, signal)
	}
	return all
}

// mark adds the newer version's key to all of them.
func mark(t *testing.T, db *bun.DB, id uuid.UUID) {
	t.Helper()
	edit(t, db, id, func(data object, signals []any) {
		for where, o := range objects(data, signals) {
			o[newerKey] = where
		}
	})
}

// marked returns which objects have the newer version's key.
func marked(t *testing.T, db *bun.DB, id uuid.UUID) (all []string) {
	t.Helper()
	for where, o := range objects(columns(t, db, id)) {
		if _, ok := o[newerKey]; ok {
			all = append(all, where)
		}
	}
	return all
}

// runToEnd runs a definition's job in an engine of its own until it has ended.
func runToEnd(t *testing.T, db *bun.DB, d steps.Handler, id uuid.UUID) *model.JobView {
	t.Helper()
	eng := newEngine(t, db, config(), d)
	defer start(t, eng)()
	return ended(t, eng, id)
}

// What a newer version has added to a job's row is kept by all that this version does with
// the job.
func TestWhatANewerVersionHasAddedIsKeptByAllThatThisOneDoes(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var healthy atomic.Bool
		d := steps.Define[input](steps.UndoOn(model.Failed))
		undoable(d, &log, "reserve", willing)
		steps.AwaitSignal[input, int](d, "ok")
		undoable(d, &log, "charge", willing)
		steps.Do(d, "ship", func(ctx context.Context, run *steps.Run[input]) error {
			if healthy.Load() {
				return nil
			}
			return errBoom
		})
		eng := newEngine(t, db, config(), d)
		id := enqueue(t, eng, input{}).ID
		mark(t, db, id)
		require.Equal(t, `the signal "ok"`, runUntil(t, db, d, id).WaitsFor)
		assert.ElementsMatch(t, []string{"data"}, marked(t, db, id), "the first record writes the whole document")

		_, err := newEngine(t, db, config()).Signal(t.Context(), id, "for later", 1, "") // does not know the definition
		require.NoError(t, err)
		mark(t, db, id)
		_, err = eng.Signal(t.Context(), id, "ok", 1, "")
		require.NoError(t, err)
		all := []string{"data", "plan", "steps reserve", "steps ok", "steps charge", "steps ship", "signal for later"}
		assert.ElementsMatch(t, append(all, "steps reserve undo"), marked(t, db, id), "a signal has come beside another one")
		s := runToEnd(t, db, d, id)
		require.Equal(t, model.Failed, s.Status)
		require.Equal(t, "reserve charge -charge -reserve", log.read())
		assert.ElementsMatch(t, append(all, "steps reserve undo"), marked(t, db, id), "steps have run, failed and been undone")

		mark(t, db, id)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), id, engine.RerunFrom("reserve")))
		history := []string{"history reserve", "history reserve undo", "history ok", "history charge", "history charge undo", "history ship"}
		kept := append(history, "data", "plan", "signal for later")
		assert.ElementsMatch(t, kept, marked(t, db, id), "records have become history")
		killed(t, db, id)
		require.Equal(t, model.Failed, runToEnd(t, db, d, id).Status)
		assert.ElementsMatch(t, kept, marked(t, db, id), "its process has died")
		mark(t, db, id)
		require.NoError(t, eng.Resume(t.Context(), id))
		_, err = eng.Signal(t.Context(), id, "ok", 1, "")
		require.NoError(t, err)
		require.Equal(t, model.Succeeded, runToEnd(t, db, d, id).Status)
		assert.ElementsMatch(t, append(all, history...), marked(t, db, id), "it has gone on and ended")
	})
}

func TestARestartKeepsWhatANewerVersionHasAddedToTheJobItself(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), one("test:job", func(context.Context, *steps.Run[input]) error { return errBoom }))
		id := enqueue(t, eng, input{N: 7}).ID
		start(t, eng)
		require.Equal(t, model.Failed, ended(t, eng, id).Status)
		mark(t, db, id)
		require.NoError(t, eng.Restart(t.Context(), id))
		assert.ElementsMatch(t, []string{"data"}, marked(t, db, id))
		ended(t, eng, id)
		assert.ElementsMatch(t, []string{"data"}, marked(t, db, id))
	})
}

// killed makes a job look as if it ran in a process that has died and whose lease has
// expired. The job need not be due: then no engine claims it before. An engine that knows
// its type must have started.
func killed(t *testing.T, db *bun.DB, id uuid.UUID) {
	t.Helper()
	require.Eventually(t, func() bool { // until that has made the type's lock
		n, err := db.NewSelect().Model((*model.TypeLock)(nil)).Where("type = 'test:job'").Count(t.Context())
		return err == nil && n > 0
	}, patience, 5*time.Millisecond)
	require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		for _, query := range []string{
			"UPDATE job_type_lock SET owner = 'killed', locked_until = updated_at, job_id = ?0, attempt = (SELECT attempt + 1 FROM job_system_jobs WHERE id = ?0) WHERE type = 'test:job'",
			"UPDATE job_system_jobs SET status = 'processing', attempt = attempt + 1, started_at = updated_at, heartbeat_at = updated_at WHERE id = ?0",
		} {
			res, err := tx.NewRaw(query, id.String()).Exec(ctx)
			require.NoError(t, err)
			n, err := res.RowsAffected()
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		}
		return nil
	}))
}

// A status that this version does not know is not mistaken for one that it knows: nothing
// runs, and the record stays unchanged for the newer version.
func TestARecordInAStatusOfANewerVersionIsRejectedAndStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(data object)
		want   string
	}{
		"step": {
			func(data object) { data["steps"].([]any)[1].(object)["status"] = "parked" },
			`step "two" is recorded in a status that this version of the job system does not know (parked): let the newer version, which wrote it, run the job`,
		},
		"undo": {
			func(data object) {
				data["steps"].([]any)[0].(object)["undo"] = object{"status": "doubted", "attempts": 1}
			},
			`step "one" is recorded in a status that this version of the job system does not know (completed, and its undo doubted)`,
		},
		"undoing": {
			func(data object) { data["undoing"] = object{"status": "suspended"} },
			`its steps are being undone before it is "suspended", which this version of the job system does not know`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var ran atomic.Int32
				d := steps.Define[input]()
				steps.Do(d, "one", nothing)
				steps.Do(d, "two", func(context.Context, *steps.Run[input]) error { ran.Add(1); return errBoom })
				eng := newEngine(t, db, config(), d)
				id := enqueue(t, eng, input{}).ID
				require.Equal(t, model.Failed, runToEnd(t, db, d, id).Status)
				edit(t, db, id, func(data object, _ []any) { c.change(data) })
				before, err := eng.Job(t.Context(), id)
				require.NoError(t, err)

				require.ErrorContains(t, eng.Resume(t.Context(), id), c.want)
				forecast, err := eng.DryRun(t.Context(), id)
				require.ErrorContains(t, err, c.want)
				require.Len(t, forecast, 2)
				after, err := eng.Job(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, before, after)

				other := newEngine(t, db, config()) // jobctl, or the newer version
				require.NoError(t, other.Resume(t.Context(), id))
				row, err := eng.Job(t.Context(), id)
				require.NoError(t, err)
				s := runToEnd(t, db, d, id)
				assert.Equal(t, model.Failed, s.Status)
				assert.Contains(t, s.Error, c.want)
				assert.EqualValues(t, 1, ran.Load())
				after, err = eng.Job(t.Context(), id)
				require.NoError(t, err)
				assert.JSONEq(t, string(row.Data), string(after.Data))
			})
		})
	}
}
