package store_test

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var backlogRows = flag.Int("backlog", 1_000_000, "scheduled rows that BenchmarkClaim claims from")

// BenchmarkClaim finds the types with a due job (Ready) and claims one job (Claim), with
// nothing else in the tables and with -backlog waiting rows, all of one type or spread over
// 1,000. "x-empty" is the ratio to the time that the same number of types takes without a
// backlog, and "x-heads" to the time that they take with one job of each: as many are found
// to be due then.
//
//	go test -run xxx -bench Claim -timeout 30m ./engine/internal/store    # takes minutes
func BenchmarkClaim(b *testing.B) {
	for _, kind := range testdb.Kinds(b) {
		for _, types := range []int{1, 1000} {
			var took [3]float64
			for i, rows := range []int{0, types, *backlogRows} {
				b.Run(fmt.Sprintf("%s/types=%d/rows=%d", kind, types, rows), func(b *testing.B) {
					took[i] = benchmarkClaim(b, kind, types, rows)
					for j, unit := range []string{"x-empty", "x-heads"} {
						if j < i && took[j] > 0 { // it was measured
							b.ReportMetric(took[i]/took[j], unit)
						}
					}
				})
			}
		}
	}
}

// benchmarkClaim returns the nanoseconds of one claim.
func benchmarkClaim(b *testing.B, kind testdb.Kind, types, rows int) float64 {
	s, names := unknownBacklog(b, testdb.Open(b, testdb.DSN(b, kind)), types, 0)
	fill(b, s, types, rows)
	var ready, claim time.Duration
	for i := 0; b.Loop(); i++ {
		if rows == 0 {
			b.StopTimer()
			insertOne(b, s, names[i%types])
			b.StartTimer()
		}
		began := time.Now()
		found, err := s.Ready(b.Context(), names)
		ready += time.Since(began)
		require.NoError(b, err)
		require.NotEmpty(b, found.Due)
		began = time.Now()
		jobs, err := s.Claim(b.Context(), found.Due[:1], owner)
		claim += time.Since(began)
		require.NoError(b, err)
		require.Len(b, jobs, 1)
		b.StopTimer()
		end(b, s, jobs[0])
		if rows == types {
			insertOne(b, s, jobs[0].Type)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(ready.Microseconds())/float64(b.N), "us/ready")
	b.ReportMetric(float64(claim.Microseconds())/float64(b.N), "us/claim")
	return float64(b.Elapsed()) / float64(b.N)
}

func insertOne(b *testing.B, s *store.Store, jobType string) {
	b.Helper()
	id, err := uuid.NewV7()
	require.NoError(b, err)
	job := &model.Job{ID: id, Type: jobType, Data: []byte(`{"input":{},"steps":[]}`)}
	require.NoError(b, s.Insert(b.Context(), s.DB(), []*model.Job{job}, false))
}

// end ends a job's run, and claims nothing.
func end(b *testing.B, s *store.Store, j *model.Job) {
	b.Helper()
	done, err := s.Flush(b.Context(), []store.Write{{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, End: model.Succeeded}}, owner, false)
	require.NoError(b, err)
	require.Len(b, done.Acks, 1)
}

// fill inserts due jobs in one statement, which all databases understand: it counts in
// decimal, and the digits make the ids. Their types are those of backlog.
func fill(b *testing.B, s *store.Store, types, rows int) {
	b.Helper()
	var number, tables []string
	for i := range len(strconv.Itoa(max(0, rows-1))) {
		number = append(number, fmt.Sprintf("1%s * d%d.n", strings.Repeat("0", i), i))
		tables = append(tables, fmt.Sprint("digits d", i))
	}
	id := "CONCAT('01890000-0000-7000-8000-', 100000000000 + n)"
	if s.Kind() == "postgres" {
		id = "(" + id + ")::uuid"
	}
	const digits = "SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 " +
		"UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9"
	result, err := s.DB().DB.ExecContext(b.Context(), fmt.Sprintf(`INSERT INTO job_system_jobs (id, type, data)
WITH digits AS (%s), numbers AS (SELECT %s AS n FROM %s)
SELECT %s, CONCAT('type-', n %% %d), '{"input":{},"steps":[]}' FROM numbers WHERE n < %d`,
		digits, strings.Join(number, " + "), strings.Join(tables, ", "), id, types, rows))
	require.NoError(b, err)
	made, err := result.RowsAffected()
	require.NoError(b, err)
	require.EqualValues(b, rows, made)
	if s.Kind() == "postgres" {
		_, err = s.DB().DB.ExecContext(b.Context(), "VACUUM job_system_jobs") // it would do so itself, soon after
		require.NoError(b, err)
	}
	analyze(b, s)
}
