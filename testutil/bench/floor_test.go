package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// floorRows is the size of the table that the floor updates.
const floorRows = 2000

// batchRows is how many rows one batched statement writes.
const batchRows = 100

// record is what a step's record looks like.
const record = `{"name": "step-1", "status": "completed", "attempts": 1, "started_at": "2026-11-23T17:00:00.123456Z", "finished_at": "2026-11-23T17:00:00.123456Z", "duration_ms": 0}`

// measureFloor measures what there is to compare a workload with.
func measureFloor(t *testing.T, kind testdb.Kind, empty func(*testing.T) string, s shape) {
	t.Run("floor/"+s.name, func(t *testing.T) {
		db := connect(t, empty(t))
		fill(t, kind, db)
		report := func(name, unit string, perSecond float64) {
			add(line{kind: kind, work: s.String(), system: "floor: " + name, value: perSecond, unit: unit})
		}
		if s.name != "many" {
			report("UPDATE, 1 connection", "commits/s", updates(t, kind, db, 1))
			if s.name == "long" {
				report(fmt.Sprintf("a record of %d, 1 connection", s.steps), "commits/s", records(t, kind, db, s.steps))
			}
			return
		}
		if kind != testdb.SQLite {
			report("UPDATE, 16 goroutines", "commits/s", updates(t, kind, db, 16))
		}
		report("batch of 100", "rows/s", batches(t, kind, db, func(begin, _ int) string { return batch(kind, begin) }))
		if kind == testdb.Postgres {
			report("batch of 100 records", "rows/s", batches(t, kind, db, batchOfRecords))
		}
		report("our statement for 100", "rows/s", flushes(t, kind))
	})
}

// fill makes the table: a job's row in small.
func fill(t *testing.T, kind testdb.Kind, db *sql.DB) {
	t.Helper()
	document := map[testdb.Kind]string{testdb.Postgres: "jsonb", testdb.MariaDB: "json", testdb.SQLite: "text"}[kind]
	_, err := db.Exec("CREATE TABLE floor (id int PRIMARY KEY, n int NOT NULL, data " + document + " NOT NULL)")
	require.NoError(t, err)
	rows := make([]string, floorRows)
	for i := range rows {
		rows[i] = fmt.Sprintf(`(%d, 0, '{"input": {"n": 1}, "steps": [null, null, null, null, null]}')`, i)
	}
	_, err = db.Exec("INSERT INTO floor (id, n, data) VALUES " + strings.Join(rows, ", "))
	require.NoError(t, err)
}

// updates is how many single-row UPDATEs commit in a second.
func updates(t *testing.T, kind testdb.Kind, db *sql.DB, goroutines int) float64 {
	t.Helper()
	query := "UPDATE floor SET n = n + 1 WHERE id = ?"
	if kind == testdb.Postgres {
		query = "UPDATE floor SET n = n + 1 WHERE id = $1"
	}
	if kind != testdb.SQLite {
		db.SetMaxOpenConns(goroutines)
		db.SetMaxIdleConns(goroutines)
	}
	var done atomic.Int64
	var all sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	began := time.Now()
	for g := range goroutines {
		all.Go(func() {
			for i := g; time.Since(began) < *floorTime; i += goroutines {
				if _, err := db.ExecContext(ctx, query, i%floorRows); err != nil {
					t.Errorf("%s: %v", query, err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// batches is how many rows a second are written by statements for 100, one
// after the other. text gives the statement for the rows from begin on, in
// that round over the table.
func batches(t *testing.T, kind testdb.Kind, db *sql.DB, text func(begin, round int) string) float64 {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	done := 0
	began := time.Now()
	for time.Since(began) < *floorTime {
		query := text(done%floorRows, done/floorRows)
		var args []any
		if kind == testdb.Postgres {
			args = []any{pgx.QueryExecModeExec} // the text differs each time: preparing it is lost
		}
		result, err := conn.ExecContext(t.Context(), query, args...)
		require.NoError(t, err)
		n, err := result.RowsAffected()
		require.NoError(t, err)
		require.EqualValues(t, batchRows, n)
		done += batchRows
	}
	return float64(done) / time.Since(began).Seconds()
}

// batch sets a number in 100 rows.
func batch(kind testdb.Kind, begin int) string {
	rows := make([]string, batchRows)
	if kind == testdb.MariaDB {
		for i := range rows {
			rows[i] = fmt.Sprintf("SELECT %d AS id, %d AS n", begin+i, time.Now().Nanosecond())
		}
		return "UPDATE floor JOIN (" + strings.Join(rows, " UNION ALL ") + ") v ON floor.id = v.id SET floor.n = v.n"
	}
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, %d)", begin+i, time.Now().Nanosecond())
	}
	if kind == testdb.SQLite {
		return "WITH v (id, n) AS (VALUES " + strings.Join(rows, ", ") + ") UPDATE floor SET n = v.n FROM v WHERE floor.id = v.id"
	}
	return "UPDATE floor SET n = v.n FROM (VALUES " + strings.Join(rows, ", ") + ") AS v (id, n) WHERE floor.id = v.id"
}

// batchOfRecords sets a step's record in 100 jobs' documents, on PostgreSQL.
func batchOfRecords(begin, round int) string {
	rows := make([]string, batchRows)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, '{steps,%d}'::text[], '%s'::jsonb)", begin+i, round%5, record)
	}
	return "UPDATE floor SET data = jsonb_set(data, v.path, v.value) FROM (VALUES " + strings.Join(rows, ", ") + ") AS v (id, path, value) WHERE floor.id = v.id"
}

// records is how many times a second a step's record is set in the document of a
// job with that many steps, all of which are recorded, a commit for each: what
// there is to gain by everything else in a job of that length.
func records(t *testing.T, kind testdb.Kind, db *sql.DB, steps int) float64 {
	t.Helper()
	all := make([]string, steps)
	for i := range all {
		all[i] = recordOf(i, time.Now())
	}
	query := map[testdb.Kind]string{
		testdb.Postgres: "UPDATE floor SET data = jsonb_set(data, ARRAY['steps', $1::text], $2::jsonb) WHERE id = -1",
		testdb.MariaDB:  "UPDATE floor SET data = JSON_SET(data, CONCAT('$.steps[', ?, ']'), JSON_COMPACT(?)) WHERE id = -1",
		testdb.SQLite:   "UPDATE floor SET data = json_set(data, '$.steps[' || ? || ']', json(?)) WHERE id = -1",
	}[kind]
	if kind == testdb.Postgres { // as the migrations have it
		_, err := db.Exec("ALTER TABLE floor ALTER COLUMN data SET COMPRESSION lz4")
		require.NoError(t, err)
	}
	_, err := db.Exec(fmt.Sprintf(`INSERT INTO floor (id, n, data) VALUES (-1, 0, '{"input": {"n": 1}, "steps": [%s]}')`, strings.Join(all, ", ")))
	require.NoError(t, err)
	stmt, err := db.Prepare(query)
	require.NoError(t, err)
	defer stmt.Close()
	done, began := 0, time.Now()
	for time.Since(began) < *floorTime {
		result, err := stmt.Exec(strconv.Itoa(done%steps), recordOf(done%steps, time.Now()))
		require.NoError(t, err)
		n, err := result.RowsAffected()
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		done++
	}
	return float64(done) / time.Since(began).Seconds()
}

// recordOf is the record of a step that ended then: no two are the same, since a
// column is compressed.
func recordOf(step int, end time.Time) string {
	begin := end.Add(-time.Duration(step) * 7919 * time.Microsecond).UTC()
	return fmt.Sprintf(`{"name": "step-%d", "status": "completed", "weight": 1, "attempts": 1, "started_at": "%s", "finished_at": "%s", "duration_ms": %d}`,
		step, begin.Format("2006-01-02T15:04:05.000000Z"), begin.Add(time.Duration(step)*time.Millisecond).Format("2006-01-02T15:04:05.000000Z"), step)
}
