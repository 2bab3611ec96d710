package engine_test

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// A write is given up, as one is whose connection hangs, and repeated; the run
// goes on. When the first one arrives at last - the network is back - it must not
// take back what was recorded since.
func TestAWriteThatArrivesLateTakesNoRecordBack(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.SQLite, testdb.Postgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			type statement struct {
				query string
				args  []any
			}
			held := make(chan statement, 1)
			var hold atomic.Pointer[func(string, []driver.NamedValue) bool]
			nothingHeld := func(string, []driver.NamedValue) bool { return false }
			hold.Store(&nothingHeld)
			text := testdb.DSN(t, kind)
			db := openLossyAt(t, kind, text, lossy{lose: new(atomic.Pointer[func(string) bool]), hold: &hold})

			// The record of the first step is the write that hangs.
			hangs := func(query string, args []driver.NamedValue) bool {
				values := make([]any, len(args))
				for i, arg := range args {
					values[i] = arg.Value
				}
				if len(args) == 0 || store.OpOf(query) != store.OpFlush || !strings.Contains(args[0].Value.(string), "first's") {
					return false
				}
				hold.Store(&nothingHeld)
				held <- statement{query, values}
				return true
			}
			inThird, goOn := make(chan struct{}), make(chan struct{})
			d := steps.Define[input]()
			steps.Add(d, "first", func(context.Context, *steps.Run[input]) (string, error) {
				hold.Store(&hangs)
				return "first's", nil
			})
			steps.Add(d, "second", func(context.Context, *steps.Run[input]) (string, error) { return "second's", nil })
			steps.Do(d, "third", func(context.Context, *steps.Run[input]) error {
				close(inThird)
				<-goOn
				return nil
			})
			eng := newEngine(t, db, config(), d)
			start(t, eng)
			job := enqueue(t, eng, input{})
			receive(t, inThird)
			before, err := eng.Job(t.Context(), job.ID)
			require.NoError(t, err)

			late := receive(t, held)
			plain := testdb.Open(t, text)
			rows, err := plain.DB.QueryContext(t.Context(), late.query, late.args...)
			require.NoError(t, err)
			defer rows.Close()
			assert.False(t, rows.Next(), "it meets no row")
			require.NoError(t, rows.Err())
			after, err := eng.Job(t.Context(), job.ID)
			require.NoError(t, err)
			assert.JSONEq(t, string(before.Data), string(after.Data))
			data, err := model.ParseData(after.Data)
			require.NoError(t, err)
			assert.JSONEq(t, `"second's"`, string(data.Steps[1].Output))
			close(goOn)
			s := ended(t, eng, job.ID)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			for _, step := range s.Steps {
				assert.Equal(t, model.StepCompleted, step.Status, step.Name)
			}
		})
	}
}
