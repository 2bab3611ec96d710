package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil"
)

func TestAPageOfAnotherOriginChangesNothing(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	job := s.enqueue(slowJob)
	cancel := "/jobs/" + job.ID.String() + "/cancel"
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://elsewhere.example"}, {"Origin", "null"}} {
		s.do("POST", cancel, "", header...).problem(t, http.StatusForbidden, "forbidden")
		s.do("POST", "/jobs", slowJob, header...).problem(t, http.StatusForbidden, "forbidden")
	}
	assert.Equal(t, model.Scheduled, s.do("GET", "/jobs/"+job.ID.String(), "").job(t, http.StatusOK).Status)
	s.do("POST", cancel, "", "Sec-Fetch-Site", "same-origin").job(t, http.StatusAccepted)
}

func TestUnsafePathsAreRejected(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	for path, code := range map[string]int{
		"/jobs/..%2f..%2fetc%2fpasswd": http.StatusBadRequest, "/jobs/%00": http.StatusBadRequest, "/jobs/' OR 1=1 --": http.StatusBadRequest,
		"/exports/": http.StatusNotFound, "/shop.db": http.StatusNotFound, "/": http.StatusNotFound,
		"/jobs?type=%00": http.StatusBadRequest, "/jobs?type=%ff": http.StatusBadRequest,
	} {
		r := s.do("GET", strings.ReplaceAll(path, " ", "%20"), "")
		assert.Equal(t, code, r.code, "%s: %s", path, r.body)
		assert.Equal(t, "application/json", r.header.Get("Content-Type"), path)
	}
}

// Text from clients is returned as JSON that no browser interprets as HTML.
func TestNoResponseIsHTML(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	const script = "<script>alert(1)</script>"
	for _, r := range []httpResponse{
		s.do("POST", "/jobs", `{"type": "demo:steps", "name": "`+script+`"}`),
		s.do("POST", "/jobs", `{"type": "`+script+`"}`),
		s.do("POST", "/jobs", slowJob, "Content-Type", script),
		s.do("GET", "/jobs/"+strings.ReplaceAll(script, "/", "%2f"), ""),
		s.do("GET", "/jobs?status="+script, ""),
		s.do("GET", "/"+script, ""),
	} {
		assert.Equal(t, "application/json", r.header.Get("Content-Type"))
		assert.Equal(t, "nosniff", r.header.Get("X-Content-Type-Options"))
		assert.NotContains(t, string(r.body), "<")
	}
}

// A client that sends its request slowly, or sends nothing, does not keep a
// connection.
func TestTheConnectionOfASlowClientIsClosed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sends  string
		within time.Duration
	}{
		"during the headers":    {"POST /jobs HTTP/1.1\r\nHost: x\r\nX-Slow: ", 6 * time.Second},
		"during the body":       {"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", 16 * time.Second},
		"before the first byte": {"", 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
				server := newServer(newAPI(nil, nil, slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler))
				done := make(chan error)
				go func() { done <- server.Serve(l) }()
				client, served := net.Pipe()
				l.conns <- served
				start := time.Now()
				go func() { _, _ = client.Write([]byte(test.sends)) }()
				reader := bufio.NewReader(client)
				for {
					if _, err := reader.ReadByte(); err != nil {
						break // a response may come before the end
					}
				}
				assert.Less(t, time.Since(start), test.within)
				assert.NoError(t, server.Close())
				assert.ErrorIs(t, <-done, http.ErrServerClosed)
			})
		})
	}
}

// pipeListener is a listener whose connections are in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error { close(p.closed); return nil }

func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func TestExportDoesNotFollowALinkOutOfItsFolder(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{".csv", ".csv.part"} {
		h, dir := setupExport(t, openSQLite(t))
		outside := filepath.Join(t.TempDir(), "precious")
		require.NoError(t, os.WriteFile(outside, []byte("precious"), 0o600))
		id := h.Kill(testutil.AfterStep("count")).ID.String()
		require.NoError(t, os.Symlink(outside, filepath.Join(dir, id+suffix)))
		h.Resume()
		status := h.Run()
		text, err := os.ReadFile(outside)
		require.NoError(t, err)
		assert.Equal(t, "precious", string(text))
		if suffix == ".csv.part" {
			assert.Equal(t, model.Failed, status.Status)
			assert.NotContains(t, status.Error, dir, "clients must not see the path of the folder")
		}
	}
}

// Errors of the service are only in its log, and passwords not even there.
func TestNoResponseContainsTheDSNOrAPath(t *testing.T) {
	t.Parallel()
	_, err := dsn.Open(t.Context(), "postgres://app:s3cr3t@127.0.0.1:1/shop")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cr3t")
	p := problemOf(errors.Join(err, os.ErrPermission, &os.PathError{Op: "open", Path: "/srv/secret", Err: os.ErrPermission}))
	assert.Equal(t, "internal error: see the log of the service", p.Message)

	s := setupStopped(t)
	require.NoError(t, s.db.Close())
	for _, path := range []string{"/jobs", "/jobs/" + uuid.NewString(), "/healthz"} {
		body := string(s.do("GET", path, "").body)
		for _, internal := range []string{"sql", ".db", "/tmp", "closed"} {
			assert.NotContains(t, body, internal, path)
		}
	}
}

func TestNamesAreNotFormulasInASpreadsheet(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	require.NoError(t, err)
	defer root.Close()
	file, err := openCSV(root, "orders.csv", 0)
	require.NoError(t, err)
	defer file.Close()
	for _, name := range []string{`=HYPERLINK("http://evil")`, "+1", "-1", "@SUM(1)", "\tx", "\rx"} {
		require.NoError(t, file.write([]Order{{Customer: name, Country: "DE"}}))
	}
	require.NoError(t, file.write([]Order{{Customer: "Ann = Bob", Country: "DE"}, {Country: "DE"}}))
	_, err = file.Seek(0, io.SeekStart)
	require.NoError(t, err)
	lines, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	var names []string
	for _, line := range lines[1:] {
		names = append(names, line[2])
	}
	assert.Equal(t, []string{`'=HYPERLINK("http://evil")`, "'+1", "'-1", "'@SUM(1)", "'\tx", "'\rx", "Ann = Bob", ""}, names)
}
