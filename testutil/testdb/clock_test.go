package testdb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestSQLiteTellsVirtualTimeAndAnswersAllElseAsEver(t *testing.T) {
	t.Parallel()
	outside := testdb.Open(t, "sqlite://:memory:")
	synctest.Test(t, func(t *testing.T) {
		db := testdb.Open(t, "sqlite://:memory:")
		ask := func(db *bun.DB, expression string) (answer any) {
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT "+expression).Scan(&answer), expression)
			return answer
		}
		time.Sleep(36*time.Hour + 250*time.Millisecond) // a bubble begins with the year 2000
		for expression, want := range map[string]any{
			"unixepoch()":                         int64(946_814_400),
			"unixepoch('subsec')":                 946_814_400.25,
			"UNIXEPOCH('now', '+1 day')":          int64(946_900_800),
			"unixepoch('now', 'subsec')":          946_814_400.25,
			"datetime('now')":                     "2000-01-02 12:00:00",
			"datetime('subsec')":                  "2000-01-02 12:00:00.250",
			"date()":                              "2000-01-02",
			"time('now')":                         "12:00:00",
			"julianday('now')":                    2451546.00000289,
			"strftime('%Y', 'now')":               "2000",
			"strftime('%H')":                      "12",
			"CURRENT_TIMESTAMP || ''":             "2000-01-02 12:00:00",
			"CURRENT_DATE || ' ' || CURRENT_TIME": "2000-01-02 12:00:00",
		} {
			if number, ok := want.(float64); ok {
				assert.InDelta(t, number, ask(db, expression), 1e-6, expression)
			} else {
				assert.Equal(t, want, ask(db, expression), expression)
			}
		}
		for _, expression := range []string{
			"unixepoch('2026-10-01 12:00:00.5')", "unixepoch('2026-10-01', 'subsec')", "unixepoch(2461315)", "unixepoch(NULL)", "unixepoch('soon')",
			"datetime('2026-10-01', 'start of year', '+1 month')", "date(1790000000, 'unixepoch')", "time('12:00')",
			"julianday('2026-10-01')", "strftime('%j %s', '2026-10-01')", "strftime(NULL, '2026-10-01')",
		} {
			assert.Equal(t, ask(outside, expression), ask(db, expression), expression)
		}
	})
}
