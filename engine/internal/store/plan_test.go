package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

var owner = store.Owner{ID: "tester", Lease: time.Minute}

// backlog makes a store with jobs of some types in the table, of which the planner has
// statistics.
func backlog(t testing.TB, db *bun.DB, types, jobs int) (*store.Store, []string) {
	t.Helper()
	s, names := unknownBacklog(t, db, types, jobs)
	analyze(t, s)
	return s, names
}

// analyze makes statistics of the tables for the planner.
func analyze(t testing.TB, s *store.Store) {
	t.Helper()
	command := map[string]string{"sqlite": "ANALYZE", "postgres": "ANALYZE"}[s.Kind()]
	if command == "" {
		command = "ANALYZE TABLE job_system_jobs, job_type_lock"
	}
	_, err := s.DB().ExecContext(t.Context(), command)
	require.NoError(t, err)
}

// unknownBacklog is backlog without statistics: PostgreSQL may make them only after a
// minute.
func unknownBacklog(t testing.TB, db *bun.DB, types, jobs int) (*store.Store, []string) {
	t.Helper()
	s, err := store.New(t.Context(), db, model.Tables{})
	require.NoError(t, err)
	names := make([]string, types)
	for i := range names {
		names[i] = fmt.Sprint("type-", i)
	}
	require.NoError(t, s.EnsureLocks(t.Context(), names))
	const chunk = 200
	for made := 0; made < jobs; made += chunk {
		batch := make([]*model.Job, min(chunk, jobs-made))
		for i := range batch {
			id, err := uuid.NewV7()
			require.NoError(t, err)
			batch[i] = &model.Job{ID: id, Type: names[i%types], Data: json.RawMessage(`{"input":{},"steps":[]}`)}
		}
		require.NoError(t, s.Insert(t.Context(), db, batch, false))
	}
	return s, names
}

// explain returns a statement's plan, a line for each of its rows.
func explain(t *testing.T, s *store.Store, query string, args ...any) []string {
	t.Helper()
	words := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "postgres": "EXPLAIN ", "mariadb": "EXPLAIN ", "mysql": "EXPLAIN FORMAT=TRADITIONAL "}
	rows, err := s.DB().QueryContext(t.Context(), words[s.Kind()]+query, args...)
	require.NoError(t, err, query)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var plan []string
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...))
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = string(b)
			}
		}
		plan = append(plan, fmt.Sprintln(values...))
	}
	require.NoError(t, rows.Err())
	return plan
}

// onJobs returns the lines of a plan that read the jobs table.
func onJobs(s *store.Store, plan []string) (lines []string) {
	for _, line := range plan {
		words := strings.Fields(line)
		reads := strings.Contains(line, "on job_system_jobs ") && !strings.Contains(line, "Update on") // PostgreSQL
		switch s.Kind() {
		case "sqlite":
			reads = strings.Contains(line, " j USING") || strings.Contains(line, "SCAN j ")
		case "mariadb", "mysql":
			reads = len(words) > 3 && (words[1] == "j" || words[2] == "j" || words[3] == "j")
		}
		if reads {
			lines = append(lines, line)
		}
	}
	return lines
}

// sortedWalks returns the lines of a plan on SQLite that sort the result of a search of the
// jobs table: for other databases the search's own line says that.
func sortedWalks(s *store.Store, plan []string) (lines []string) {
	if s.Kind() != "sqlite" {
		return nil
	}
	parents := make(map[string]bool)
	for _, line := range onJobs(s, plan) {
		parents[strings.Fields(line)[1]] = true
	}
	for _, line := range plan {
		if parents[strings.Fields(line)[1]] && strings.Contains(line, "TEMP B-TREE") {
			lines = append(lines, line)
		}
	}
	return lines
}

// The claim reads the head of each type through the index made for that, so its cost does
// not grow with the backlog.
func TestTheClaimWalksItsIndex(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, spread := range []int{1, 10} { // all jobs on one type, or on several
			s, types := backlog(t, db, spread, 4000)
			types = append(types, "without any")
			claim, args := s.ClaimSQL(types, owner)
			for name, plan := range map[string][]string{
				"ready":        explain(t, s, s.ReadySQL(), bun.List(types)),
				"ready except": explain(t, s, s.ReadyExceptSQL(), bun.List(types), bun.List([]string{uuid.NewString(), uuid.NewString()})),
				"claim":        explain(t, s, claim, args...),
			} {
				lines := onJobs(s, plan)
				require.NotEmpty(t, lines, name)
				assert.Contains(t, strings.Join(lines, ""), "job_system_jobs_claim", name)
				for _, line := range lines {
					byID := strings.Contains(line, "job_system_jobs_pkey") // the found job's
					assert.True(t, byID || strings.Contains(line, "job_system_jobs_claim"), "%s: %s", name, line)
					assert.NotContains(t, line, "filesort", name)
				}
				assert.Empty(t, sortedWalks(s, plan), name)
				assert.NotContains(t, strings.Join(plan, ""), "Incremental Sort", name)
			}
		}
	})
}

// The same for the statement that ends runs and claims the next jobs.
func TestTheFlushThatClaimsWalksTheClaimsIndex(t *testing.T) {
	t.Parallel()
	for _, spread := range []int{1, 10} {
		db := testdb.Open(t, testdb.DSN(t, testdb.Postgres))
		s, types := backlog(t, db, spread, 4000)
		jobs, err := s.Claim(t.Context(), types[spread-1:], owner)
		require.NoError(t, err)
		require.Len(t, jobs, 1)
		j := jobs[0]
		query, args := s.FlushClaimSQL([]store.Write{{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, End: model.Succeeded}}, owner)
		plan := strings.Join(explain(t, s, query, args...), "")
		assert.Contains(t, plan, "using job_system_jobs_claim")
		assert.NotContains(t, plan, "Incremental Sort")
		assert.NotContains(t, plan, "Seq Scan on job_system_jobs")
	}
}

// What estimates are based on is found in an index, however many jobs a type has, and
// however few of them have succeeded.
func TestTheHistoryOfATypeIsReadFromAnIndex(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 2, 4000)
		for range 10 { // MySQL has no LIMIT in IN: thus the second SELECT
			_, err := db.NewRaw("UPDATE job_system_jobs SET status = 'succeeded' WHERE id IN (SELECT id FROM (SELECT id FROM job_system_jobs WHERE type = ? AND status = 'scheduled' ORDER BY scheduled_at LIMIT 100) x)", types[0]).Exec(t.Context())
			require.NoError(t, err)
		}
		analyze(t, s)
		for jobType, want := range map[string]int{types[0]: 20, types[1]: 0} {
			documents, err := s.History(t.Context(), jobType, 20)
			require.NoError(t, err)
			assert.Len(t, documents, want)
			plan := strings.Join(explain(t, s, s.HistorySQL(), jobType, 20), "")
			assert.Contains(t, plan, "job_system_jobs_history")
			for _, sorts := range []string{"Sort", "filesort", "TEMP B-TREE"} {
				assert.NotContains(t, plan, sorts)
			}
		}
	})
}

// Listing the types steps from one to the next.
func TestListingTheTypesDoesNotReadTheirJobs(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 10, 4000)
		listed, err := s.DueTypes(t.Context())
		require.NoError(t, err)
		assert.ElementsMatch(t, types, listed)
		plan := strings.Join(explain(t, s, s.DueTypesSQL()), "")
		switch s.Kind() {
		case "sqlite":
			assert.Contains(t, plan, "SEARCH j USING INDEX job_system_jobs_claim (type>?)")
		case "postgres":
			assert.Contains(t, plan, "Index Only Scan using job_system_jobs_claim")
			assert.NotContains(t, plan, "job_system_jobs_idempotency")
			assert.NotContains(t, plan, "Seq Scan on job_system_jobs")
		default:
			assert.Contains(t, strings.ToLower(plan), "using index for group-by")
		}
	})
}

// A plan that was made for any arguments reads each row of a batch once, finds its job by
// id and the next one by the claim's index, whatever the planner knows of the tables. The
// time of a plan that reads the batch for each running job grows with the square of their
// number, and that of a plan that reads the waiting jobs with the backlog.
func TestTheJournalsPreparedPlanIsLinear(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(testing.TB, *bun.DB, int, int) (*store.Store, []string){"known": backlog, "unknown": unknownBacklog} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.Open(t, testdb.DSN(t, testdb.Postgres))
			s, types := fill(t, db, 10, 4000)
			jobs, err := s.Claim(t.Context(), types, owner)
			require.NoError(t, err)
			var writes []store.Write
			for _, j := range jobs {
				writes = append(writes, store.Write{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, End: model.Succeeded})
			}
			query, args := s.UpdateSQL(writes)
			plan := preparedPlan(t, db, query, args)
			assert.Contains(t, plan, "CTE Scan on v")
			assert.Contains(t, plan, "Index Scan using job_system_jobs_pkey on job_system_jobs j")
			assert.NotContains(t, plan, "job_system_jobs_processing")

			query, args = s.FlushClaimSQL(writes, owner)
			plan = preparedPlan(t, db, query, args)
			assert.Contains(t, plan, "CTE Scan on v")
			assert.Contains(t, plan, "Index Scan using job_system_jobs_pkey on job_system_jobs j")
			assert.NotContains(t, plan, "job_system_jobs_processing")
			assert.Contains(t, plan, "Index Cond: ((type = mine.type) AND (priority = (100)) AND (scheduled_at <= statement_timestamp()))")
			assert.NotContains(t, plan, "Seq Scan on job_system_jobs")

			query, args = s.ClaimSQL(types, owner)
			plan = preparedPlan(t, db, query, args)
			assert.Contains(t, plan, "Index Cond: ((type = mine.type) AND (priority = (100)) AND (scheduled_at <= statement_timestamp()))")
			assert.NotContains(t, plan, "Seq Scan on job_system_jobs")
		})
	}
}

// preparedPlan returns the plan of a PostgreSQL statement for any arguments.
func preparedPlan(t *testing.T, db *bun.DB, query string, args []any) string {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, command := range []string{"SET plan_cache_mode = force_generic_plan", "DEALLOCATE ALL", "PREPARE one AS " + store.Numbers(query)} {
		_, err = conn.ExecContext(t.Context(), command)
		require.NoError(t, err)
	}
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN EXECUTE one("+strings.Repeat(", ?", len(args))[2:]+")", args...) //nolint:rowserrcheck // ScanRows does
	require.NoError(t, err)
	var lines []string
	require.NoError(t, db.ScanRows(t.Context(), rows, &lines))
	return strings.Join(lines, "\n")
}

// The writes find their rows by id, and lock no others.
func TestTheJournalFindsItsRowsByTheirIDs(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 10, 4000)
		jobs, err := s.Claim(t.Context(), types, owner)
		require.NoError(t, err)
		require.Len(t, jobs, len(types))
		var writes []store.Write
		for _, j := range jobs {
			writes = append(writes, store.Write{JobID: j.ID, Type: j.Type, Attempt: j.Attempt})
		}
		statements := [][]any{}
		for _, build := range []func([]store.Write) (string, []any){s.UpdateSQL, s.RunningSQL} {
			if query, args := build(writes); query != "" {
				statements = append(statements, append([]any{query}, args...))
			}
		}
		for _, statement := range statements {
			lines := onJobs(s, explain(t, s, statement[0].(string), statement[1:]...))
			require.NotEmpty(t, lines)
			for _, line := range lines {
				byID := strings.Contains(line, "PRIMARY") || strings.Contains(line, "(id=?)") || strings.Contains(line, "job_system_jobs_pkey")
				few := strings.Contains(line, "job_system_jobs_processing") // PostgreSQL: the rows that are processing, one a type
				assert.True(t, byID || few, line)
			}
		}
	})
}
