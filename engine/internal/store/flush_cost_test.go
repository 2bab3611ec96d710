package store_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// BenchmarkFlush writes what steps leave behind as they end - two records in
// each row - for batches of running jobs. The unit that matters is rows/s.
//
//   - flush: as the engine does.
//   - statement: the bare driver runs the same update, whose text and arguments
//     are made before: the time of the database alone. On MySQL and MariaDB the
//     engine has to read the rows as well, which is not included.
func BenchmarkFlush(b *testing.B) {
	for _, kind := range testdb.Kinds(b) {
		for _, rows := range []int{1, 10, 100} {
			b.Run(fmt.Sprintf("%s/rows=%d/flush", kind, rows), func(b *testing.B) {
				s, rounds := running(b, kind, rows)
				for i := 0; b.Loop(); i++ {
					done, err := s.Flush(b.Context(), rounds[i%len(rounds)], owner, true)
					require.NoError(b, err)
					require.Len(b, done.Acks, rows)
				}
				b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
			})
			b.Run(fmt.Sprintf("%s/rows=%d/statement", kind, rows), func(b *testing.B) {
				s, rounds := running(b, kind, rows)
				run := make([]func() int, len(rounds))
				for i, writes := range rounds {
					run[i] = bare(b, s, writes)
				}
				for i := 0; b.Loop(); i++ {
					require.Equal(b, rows, run[i%len(run)]())
				}
				b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// running makes running jobs of five steps, and a batch of writes to all of them for the
// end of each of the first four steps.
func running(b *testing.B, kind testdb.Kind, rows int) (*store.Store, [][]store.Write) {
	b.Helper()
	const steps = 5
	s, types := backlog(b, testdb.Open(b, testdb.DSN(b, kind)), rows, rows)
	jobs, err := s.Claim(b.Context(), types, owner)
	require.NoError(b, err)
	require.Len(b, jobs, rows)

	record := func(i int, status model.StepStatus) model.StepRecord {
		r := model.StepRecord{Name: fmt.Sprint("step-", i), Status: status, Weight: 1}
		if status != model.StepPending {
			r.Attempts, r.StartedAt = 1, model.TimeOf(time.Now())
		}
		if status.Done() {
			r.FinishedAt = model.TimeOf(time.Now())
		}
		return r
	}
	fresh := model.Data{Input: json.RawMessage(`{"n":1}`)}
	for i := range steps {
		fresh.Steps = append(fresh.Steps, record(i, model.StepPending))
	}
	writes := func(change func(*store.Write)) []store.Write {
		batch := make([]store.Write, rows)
		for i, j := range jobs {
			batch[i] = store.Write{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, Progressed: true}
			change(&batch[i])
		}
		return batch
	}
	_, err = s.Flush(b.Context(), writes(func(w *store.Write) { w.Document = raw(b, fresh) }), owner, false)
	require.NoError(b, err)

	rounds := make([][]store.Write, steps-1)
	for k := range rounds {
		rounds[k] = writes(func(w *store.Write) {
			for i, status := range []model.StepStatus{model.StepCompleted, model.StepRunning} {
				at := store.Path{Key: "steps", Index: k + i}
				w.Patches = append(w.Patches, store.Patch{Path: at, Value: raw(b, record(k+i, status))})
			}
		})
	}
	return s, rounds
}

func raw(b *testing.B, v any) json.RawMessage {
	b.Helper()
	text, err := json.Marshal(v)
	require.NoError(b, err)
	return text
}

// bare returns a function that runs the statement of a batch by the bare driver, prepared
// where the store prepares it, and returns the number of rows.
func bare(b *testing.B, s *store.Store, writes []store.Write) (run func() int) {
	b.Helper()
	query, args := s.UpdateSQL(writes)
	db := s.DB().DB
	if len(args) == 0 {
		return func() int {
			result, err := db.ExecContext(b.Context(), query)
			require.NoError(b, err)
			n, err := result.RowsAffected()
			require.NoError(b, err)
			return int(n)
		}
	}
	if s.Kind() == "postgres" {
		query = store.Numbers(query)
	}
	stmt, err := db.PrepareContext(b.Context(), query)
	require.NoError(b, err)
	b.Cleanup(func() { stmt.Close() })
	return func() int { return returned(b, stmt, args) }
}

func returned(b *testing.B, stmt *sql.Stmt, args []any) (n int) {
	b.Helper()
	rows, err := stmt.QueryContext(b.Context(), args...)
	require.NoError(b, err)
	defer rows.Close()
	for rows.Next() {
		n++
	}
	require.NoError(b, rows.Err())
	return n
}
