//go:build unix

package testdb_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The tests of this file run this test program again as a process of its own, and check
// what that leaves.
const childRole = "JOBSYSTEM_TESTUTIL_CHILD"

// TestChild is that process: it starts the servers and prints which they are.
func TestChild(t *testing.T) {
	role := os.Getenv(childRole)
	if role == "" {
		return
	}
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		testdb.EmptyDSN(t, kind)
	}
	for _, pid := range testdb.Descendants() {
		fmt.Println("pid", pid)
	}
	fmt.Println("root", testdb.Root())
	fmt.Println("ready")
	switch role {
	case "wait":
		select {}
	case "fail":
		t.Fatal("as asked")
	case "panic":
		panic("as asked")
	}
}

type child struct {
	cmd  *exec.Cmd
	root string
	pids []int
}

func startChild(t *testing.T, role string, env ...string) child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(append(os.Environ(), childRole+"="+role), env...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = new(bytes.Buffer)
	require.NoError(t, cmd.Start())
	c := child{cmd: cmd}
	var all strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		key, value, _ := strings.Cut(lines.Text(), " ")
		switch key {
		case "pid":
			pid, err := strconv.Atoi(value)
			require.NoError(t, err)
			c.pids = append(c.pids, pid)
		case "root":
			c.root = value
		case "ready":
			require.GreaterOrEqual(t, len(c.pids), 4, "two servers, one of which has children, and the keeper")
			require.DirExists(t, c.root)
			go func() { // so that the child never waits for a reader
				for lines.Scan() {
				}
			}()
			return c
		}
		if strings.HasPrefix(key, "---") && strings.Contains(all.String(), "SKIP") {
			cmd.Wait()
			t.Skip(all.String())
		}
	}
	require.Fail(t, "the child ended early", "%s\n%s", all.String(), cmd.Stderr)
	return c
}

func (c child) left() (left []string) {
	for _, pid := range c.pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !bytes.Contains(stat, []byte(") Z ")) {
			left = append(left, string(stat))
		}
	}
	if _, err := os.Stat(c.root); err == nil {
		left = append(left, c.root)
	}
	return left
}

func TestNothingIsLeftWhenTheProcessEnds(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"pass", "fail"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			c := startChild(t, role)
			err := c.cmd.Wait()
			assert.Equal(t, role == "fail", err != nil, "exit code of the tests: %v", err)
			assert.Empty(t, c.left(), "at once, not a moment later")
		})
	}
}

func TestNothingIsLeftSoonAfterAnAbruptEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		role string
		env  []string
		kill bool
	}{
		"killed":       {role: "wait", kill: true},
		"panicked":     {role: "panic"},
		"without Main": {role: "pass", env: []string{withoutMain + "=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startChild(t, tt.role, tt.env...)
			if tt.kill {
				require.NoError(t, c.cmd.Process.Kill())
			}
			_ = c.cmd.Wait()
			assert.Eventually(t, func() bool { return len(c.left()) == 0 }, 30*time.Second, 10*time.Millisecond)
			assert.Empty(t, c.left())
		})
	}
}

func TestAMissingServerIsSkippedWithAdviceUnlessItIsRequired(t *testing.T) {
	t.Parallel()
	for name, require := range map[string]string{"skipped": "", "required": "1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestEachDBHasTheNewestTables$", "-test.v")
			cmd.Env = append(os.Environ(), "JOBSYSTEM_TEST_REQUIRE="+require, testdb.NothingInstalled+"=1", "PATH=",
				"JOBSYSTEM_TEST_POSTGRES_DSN=", "JOBSYSTEM_TEST_MYSQL_DSN=", "JOBSYSTEM_TEST_KINDS=")
			output, err := cmd.CombinedOutput()
			text := string(output)
			assert.Equal(t, require != "", err != nil, text)
			assert.Contains(t, text, "postgres not found: run make test")
			assert.Contains(t, text, "JOBSYSTEM_TEST_POSTGRES_DSN")
			assert.Contains(t, text, "mariadbd not found: run make test")
			assert.Contains(t, text, "--- PASS: TestEachDBHasTheNewestTables/sqlite")
		})
	}
}

func TestKindsThatAreNotChosenAreSkippedAndNotStarted(t *testing.T) {
	t.Parallel()
	run := func(kinds string) (output string, err error) {
		cmd := exec.Command(os.Args[0], "-test.run=^(TestEachDBHasTheNewestTables|TestServerComesBackWithItsData|TestChild)$", "-test.v")
		cmd.Env = append(os.Environ(), "JOBSYSTEM_TEST_REQUIRE=1", testdb.NothingInstalled+"=1", "PATH=", childRole+"=pass",
			"JOBSYSTEM_TEST_POSTGRES_DSN=", "JOBSYSTEM_TEST_MYSQL_DSN=", "JOBSYSTEM_TEST_KINDS="+kinds)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	text, err := run("sqlite")
	require.NoError(t, err, text)
	assert.Contains(t, text, "--- PASS: TestEachDBHasTheNewestTables/sqlite")
	for _, skipped := range []string{"TestEachDBHasTheNewestTables/postgres", "TestEachDBHasTheNewestTables/mariadb", "TestServerComesBackWithItsData/mariadb", "TestChild"} {
		assert.Contains(t, text, "--- SKIP: "+skipped)
	}
	assert.Contains(t, text, "postgres is left out: JOBSYSTEM_TEST_KINDS=sqlite")
	text, err = run("sqlit")
	require.Error(t, err)
	assert.Contains(t, text, `JOBSYSTEM_TEST_KINDS names "sqlit", which is no kind of database`)
}

func TestGivenServersAreUsedAndCleared(t *testing.T) {
	t.Parallel()
	postgres := testdb.StartServer(t, testdb.Postgres)
	mariadb := testdb.StartServer(t, testdb.MariaDB)
	given := map[string]string{
		"JOBSYSTEM_TEST_POSTGRES_DSN": postgres.EmptyDSN(t),
		"JOBSYSTEM_TEST_MYSQL_DSN":    mariadb.EmptyDSN(t),
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestEachDBHasTheNewestTables$|^TestDatabasesOfParallelTestsAreApart$", "-test.v")
	cmd.Env = append(os.Environ(), "JOBSYSTEM_TEST_REQUIRE=1", testdb.NothingInstalled+"=1", "PATH=", "JOBSYSTEM_TEST_KINDS=")
	for name, text := range given {
		cmd.Env = append(cmd.Env, name+"="+text)
	}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	for _, kind := range []string{"sqlite", "postgres", "mariadb"} {
		assert.Contains(t, string(output), "--- PASS: TestEachDBHasTheNewestTables/"+kind)
	}
	for _, text := range given {
		var databases []string
		db := testdb.Open(t, text)
		query := "SELECT datname FROM pg_database WHERE datname LIKE 'jobsystem%'"
		if db.Dialect().Name() == dialect.MySQL {
			query = "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'jobsystem%'"
		}
		require.NoError(t, db.NewRaw(query).Scan(t.Context(), &databases))
		assert.Len(t, databases, 1, "only the one this test made")
	}
}
