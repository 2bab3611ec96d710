package migrations_test

import (
	"bytes"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// shell runs statements with the machine's sqlite3, which may be years older than the
// library that this module is built with, and returns what it prints.
func shell(t *testing.T, file, statements string) string {
	t.Helper()
	program, err := osexec.LookPath("sqlite3")
	if err != nil {
		testdb.Missing(t, "sqlite3")
	}
	command := osexec.CommandContext(t.Context(), program, "-bail", file)
	command.Stdin = strings.NewReader(statements)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	require.NoError(t, err, stderr.String())
	return strings.TrimSpace(string(out))
}

func TestAnOldSqlite3InsertsAJobByHand(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "jobs.db")
	require.NoError(t, migrations.Migrate(t.Context(), openFile(t, file)))

	shell(t, file, `INSERT INTO job_system_jobs (type, data) VALUES ('report', '{"input": 1}');
INSERT INTO job_type_lock (type) VALUES ('report');`)

	columns := strings.Split(shell(t, file, `SELECT id, scheduled_at, created_at, updated_at, (SELECT updated_at FROM job_type_lock) FROM job_system_jobs;`), "|")
	require.Len(t, columns, 5)
	assertIDOfNow(t, uuid.MustParse(columns[0]))
	for _, text := range columns[1:] {
		at, err := time.ParseDuration(text + "us")
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), time.Unix(0, 0).Add(at), time.Minute)
	}
	assert.Contains(t, shell(t, file, `INSERT OR IGNORE INTO job_system_jobs (type, data, signals) VALUES ('report', '{}', '{'); SELECT changes();`), "0")
}

func TestAnOldSqlite3RestoresItsDump(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "jobs.db")
	db := openFile(t, file)
	require.NoError(t, migrations.Migrate(t.Context(), db))
	require.NoError(t, insert(db, t.Context(), "type, data", `'report', '{}'`))
	require.NoError(t, insert(db, t.Context(), "type, data, checkpoints, signals", `'report', '{}', '{"a": 1}', '[]'`))
	assert.Equal(t, "ok", shell(t, file, `PRAGMA integrity_check;`))

	restored := filepath.Join(t.TempDir(), "restored.db")
	shell(t, restored, shell(t, file, ".dump"))

	const all = `SELECT * FROM job_system_jobs ORDER BY id;`
	assert.Equal(t, shell(t, file, all), shell(t, restored, all))
	assert.Equal(t, "2", shell(t, restored, `SELECT count(*) FROM job_system_jobs;`))
	assert.Equal(t, "ok", shell(t, restored, `PRAGMA integrity_check;`))
	require.NoError(t, migrations.Check(t.Context(), openFile(t, restored)))
}

// The script is for the administrator's sqlite3.
func TestAnOldSqlite3RunsTheScripts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "jobs.db")
	up, err := migrations.SQL(migrations.SQLite, migrations.Up)
	require.NoError(t, err)
	shell(t, file, up)
	require.NoError(t, migrations.Check(t.Context(), openFile(t, file)))
	down, err := migrations.SQL(migrations.SQLite, migrations.Down)
	require.NoError(t, err)
	shell(t, file, down)
	require.ErrorIs(t, migrations.Check(t.Context(), openFile(t, file)), migrations.ErrNotMigrated)
}
