package cli

import (
	"bytes"
	"database/sql"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// commandsWithADatabase are calls of all commands that want a database to be there.
var commandsWithADatabase = [][]string{
	{"list"}, {"types"}, {"show", someID}, {"watch", someID}, {"cancel", someID}, {"resume", someID}, {"restart", someID},
	{"delete", someID}, {"signal", someID, "approve"}, {"enqueue", orderType}, {"worker"}, {"demo"},
	{"migrate", "up"}, {"migrate", "status"}, {"migrate", "down", "--yes"},
}

// A server that accepts a connection and then says nothing.
func TestNoCommandWaitsLongerForADatabaseThanItMay(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, silent.Close()) })
	for _, scheme := range []string{"postgres", "mysql"} {
		for _, command := range commandsWithADatabase {
			t.Run(scheme+" "+command[0], func(t *testing.T) {
				t.Parallel()
				f := setupOn(t, scheme+"://ann@"+silent.Addr().String()+"/app")
				stderr := f.fails(ExitUnreachable, append(command, "--connect-timeout", "100ms")...)
				assert.Contains(t, stderr, `"app" at `+silent.Addr().String()+": waited ")
				assert.Regexp(t, `waited \d+ms for an answer`, stderr)
				assert.Contains(t, stderr, "--connect-timeout bounds the wait")
			})
		}
	}
}

func TestASQLiteFileThatIsHeldIsWaitedForNoLonger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	holder, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, holder.Close()) })
	holder.SetMaxOpenConns(1)
	_, err = holder.ExecContext(t.Context(), "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE t (n INT)")
	require.NoError(t, err)
	f := setupOn(t, dsn.File(path))
	stderr := f.fails(ExitUnreachable, "list", "--connect-timeout", "100ms")
	assert.Contains(t, stderr, path+`": waited `)
	assert.Regexp(t, `waited \d+ms for its lock`, stderr)
	assert.Contains(t, stderr, "another process holds it")
	assert.Contains(t, stderr, "--connect-timeout bounds the wait")
}

// stallAt forwards connections to a server until a client sends that text, and nothing
// from then on. It returns the DSN for it.
func stallAt(t *testing.T, text, stall string) string {
	t.Helper()
	server, err := url.Parse(text)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	target := server.Host
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go stallOne(client, target, stall)
		}
	}()
	server.Host = listener.Addr().String()
	return server.String()
}

func stallOne(client net.Conn, target, stall string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(client, server)
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte(stall)) {
			_, _ = client.Read(buffer) // until the client goes
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func TestAServerThatFallsSilentAfterItHasAcceptedIsNotWaitedForEither(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := setupOn(t, stallAt(t, testdb.DSN(t, kind), "job_system_jobs"))
			stderr := f.fails(ExitUnreachable, "list", "--connect-timeout", "500ms")
			assert.Contains(t, stderr, "waited 500ms for an answer about its tables; --connect-timeout bounds the wait")
			assert.Contains(t, stderr, "jobsystem:xxxxx@", "without the password")
		})
	}
}

func TestATimeToWaitIsPositive(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"0", "-1s", "soon"} {
		setup(t).fails(ExitUsage, "list", "--connect-timeout", wrong)
	}
}
