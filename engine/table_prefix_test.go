package engine_test

import (
	"fmt"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// usualTables are the names of tables without a prefix, except as the name of the lock
// of migrations, which all prefixes share.
var usualTables = regexp.MustCompile(`\bjob_(system_(jobs|migrations[^.])|type_lock)`)

func TestJobSystemsWithTheirOwnPrefixesShareADatabase(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, text string) {
		var mu sync.Mutex
		var strays []string
		spied := openSpied(t, text, func(call wire.Call) {
			if usualTables.MatchString(call.Text) {
				mu.Lock()
				defer mu.Unlock()
				strays = append(strays, call.Text)
			}
		})
		plain := testdb.Open(t, text)
		require.NoError(t, migrations.Migrate(t.Context(), plain))
		makeEffects(t, plain)
		_, err := plain.NewRaw("CREATE TABLE notes (job CHAR(36) NOT NULL, what VARCHAR(50) NOT NULL)").Exec(t.Context())
		require.NoError(t, err)
		pools := map[string]*bun.DB{"": plain, "crm_": spied, "a_prefix_of_20_chars": spied}
		engines := make(map[string]*engine.Engine)
		for prefix, db := range pools {
			cfg := config()
			cfg.TablePrefix = prefix
			if prefix != "" {
				_, err := engine.New(db, cfg)
				require.ErrorIs(t, err, engine.ErrNotMigrated)
				require.NoError(t, migrations.Migrate(t.Context(), db, migrations.TablePrefix(prefix)))
				require.NoError(t, migrations.Check(t.Context(), db, migrations.TablePrefix(prefix)))
			}
			child := steps.Define[input](steps.Type("every:child"))
			steps.Do(child, "one", nothing)
			engines[prefix] = newEngine(t, db, cfg, everyKind(0, db), child)
			start(t, engines[prefix])
		}
		for prefix, eng := range engines {
			for n := range 2 { // the second one fails, and is undone
				job := enqueue(t, eng, engine.RawInput{Type: everyType(0), Input: fmt.Appendf(nil, `{"n":%d}`, n)})
				_, err := eng.Signal(t.Context(), job.ID, "approve", "yes", "the test")
				require.NoError(t, err)
				checkEvery(t, eng, plain, ended(t, eng, job.ID), n)
			}
			jobs, err := eng.List(t.Context(), engine.Filter{})
			require.NoError(t, err)
			assert.Len(t, jobs, 6, "prefix %q: two jobs with two children each", prefix)
		}
		mu.Lock()
		defer mu.Unlock()
		assert.Empty(t, strays, "tables of another job system were used")
	})
}

func TestATablePrefixThatIsNoneIsRejected(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	for _, prefix := range []string{"A", "1a", "a b", "a;", `a"`, "a_prefix_of_21_charsx", "ä"} {
		_, err := engine.New(db, engine.Config{TablePrefix: prefix})
		require.ErrorIs(t, err, engine.ErrInvalid, prefix)
		require.ErrorContains(t, migrations.Migrate(t.Context(), db, migrations.TablePrefix(prefix)), "table prefix")
	}
}
