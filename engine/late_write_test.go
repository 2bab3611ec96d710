package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// A write is given up, like one whose connection hangs, and repeated; the run continues.
// When the first write arrives at last - the network works again - it must not undo what
// was recorded since. On MySQL and MariaDB a write takes several statements of one
// transaction, none of which can arrive by itself after the transaction is over.
func TestALateWriteUndoesNoRecord(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.SQLite, testdb.Postgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			text := testdb.DSN(t, kind)
			var network faults
			db := openHooked(t, text, &network)
			delayed := make(chan wire.Call, 1)
			inThird, release := make(chan struct{}), make(chan struct{})
			d := steps.Define[input]()
			steps.Add(d, "first", func(context.Context, *steps.Run[input]) (string, error) {
				network.fail(func(call wire.Call) bool { // the write that has this step's record hangs
					if !has(store.OpFlush)(call) || len(call.Args) == 0 || !strings.Contains(call.Args[0].Value.(string), "first's") {
						return false
					}
					network.clear()
					delayed <- call
					return true
				})
				return "first's", nil
			})
			steps.Add(d, "second", func(context.Context, *steps.Run[input]) (string, error) { return "second's", nil })
			steps.Do(d, "third", func(context.Context, *steps.Run[input]) error {
				close(inThird)
				<-release
				return nil
			})
			eng := newEngine(t, db, config(), d)
			start(t, eng)
			job := enqueue(t, eng, input{})
			receive(t, inThird)
			before, err := eng.Job(t.Context(), job.ID)
			require.NoError(t, err)

			late := receive(t, delayed)
			args := make([]any, len(late.Args))
			for i, arg := range late.Args {
				args[i] = arg.Value
			}
			plain := testdb.Open(t, text)
			rows, err := plain.DB.QueryContext(t.Context(), late.Text, args...)
			require.NoError(t, err)
			defer rows.Close()
			assert.False(t, rows.Next(), "it finds no row")
			require.NoError(t, rows.Err())
			after, err := eng.Job(t.Context(), job.ID)
			require.NoError(t, err)
			assert.JSONEq(t, string(before.Data), string(after.Data))
			data, err := model.ParseData(after.Data)
			require.NoError(t, err)
			assert.JSONEq(t, `"second's"`, string(data.Steps[1].Output))
			close(release)
			s := ended(t, eng, job.ID)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			for _, step := range s.Steps {
				assert.Equal(t, model.StepCompleted, step.Status, step.Name)
			}
		})
	}
}
