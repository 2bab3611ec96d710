package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// service is the service with a private database, served by a test server.
type service struct {
	t         *testing.T
	url       string
	engine    *engine.Engine
	db        *bun.DB
	exportDir string
}

// setup returns a service whose engine is running.
func setup(t *testing.T) *service {
	t.Helper()
	s := setupStopped(t)
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- s.engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-stopped)
	})
	return s
}

// setupStopped returns a service whose engine is not running, so jobs stay
// scheduled.
func setupStopped(t *testing.T) *service {
	t.Helper()
	db := testdb.Open(t, "sqlite://:memory:")
	log := slog.New(slog.DiscardHandler)
	s := &service{t: t, db: db, exportDir: t.TempDir()}
	var err error
	s.engine, err = prepare(t.Context(), db, options{exportDir: s.exportDir}, log)
	require.NoError(t, err)
	server := httptest.NewServer(newAPI(s.engine, db, log))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// httpResponse is a response that has been read.
type httpResponse struct {
	code   int
	header http.Header
	body   []byte
}

func (s *service) do(method, path, body string, header ...string) httpResponse {
	s.t.Helper()
	return send(s.t, method, s.url+path, body, header...)
}

// send sends body as JSON, with further headers given as pairs of name and value.
func send(t *testing.T, method, url, body string, header ...string) httpResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "application/json", response.Header.Get("Content-Type"))
	return httpResponse{response.StatusCode, response.Header, raw}
}

// job checks the status code and decodes the body as a job.
func (r httpResponse) job(t *testing.T, code int) *model.JobView {
	t.Helper()
	require.Equal(t, code, r.code, "%s", r.body)
	var status model.JobView
	require.NoError(t, json.Unmarshal(r.body, &status))
	return &status
}

// problem checks the status code and the kind, and decodes the body as an error.
func (r httpResponse) problem(t *testing.T, code int, kind string) problem {
	t.Helper()
	assert.Equal(t, code, r.code, "%s", r.body)
	var body problemBody
	decoder := json.NewDecoder(bytes.NewReader(r.body))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&body), "%s", r.body)
	assert.Equal(t, kind, body.Error.Kind)
	assert.NotEmpty(t, body.Error.Message)
	return body.Error
}

// enqueue enqueues a job; the request must succeed.
func (s *service) enqueue(body string) *model.JobView {
	s.t.Helper()
	return s.do("POST", "/jobs", body).job(s.t, http.StatusAccepted)
}

// waitFor requests the job's status until wanted returns true.
func (s *service) waitFor(job *model.JobView, wanted func(*model.JobView) bool) *model.JobView {
	s.t.Helper()
	const deadline, interval = 30 * time.Second, 5 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for start := time.Now(); ; <-ticker.C {
		status := s.do("GET", "/jobs/"+job.ID.String(), "").job(s.t, http.StatusOK)
		if wanted(status) {
			return status
		}
		require.Less(s.t, time.Since(start), deadline, "the job is %s, %s, step %q", status.Status, status.Message, status.CurrentStep)
	}
}

func (s *service) waitForStatus(job *model.JobView, wanted model.Status) *model.JobView {
	s.t.Helper()
	return s.waitFor(job, func(j *model.JobView) bool { return j.Status == wanted })
}

// logLines records the lines of a log.
type logLines struct {
	mu      sync.Mutex
	lines   []string
	written chan struct{} // receives a value after each line, unless it is full
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	l.lines = append(l.lines, string(line))
	l.mu.Unlock()
	select {
	case l.written <- struct{}{}:
	default:
	}
	return len(line), nil
}

// find returns the first line that contains text, and its index.
func (l *logLines) find(text string) (string, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, line := range l.lines {
		if strings.Contains(line, text) {
			return line, i
		}
	}
	return "", -1
}

// listen returns a listener on a free port.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}
