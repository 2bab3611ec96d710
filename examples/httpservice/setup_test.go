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

// service is the whole service on a private database, but for its own listener.
type service struct {
	t       *testing.T
	url     string
	engine  *engine.Engine
	db      *bun.DB
	exports string
}

// setup returns a service whose engine runs.
func setup(t *testing.T) *service {
	t.Helper()
	s := setupStopped(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
	return s
}

// setupStopped returns a service whose engine does not run: jobs wait.
func setupStopped(t *testing.T) *service {
	t.Helper()
	db := testdb.Open(t, "sqlite://:memory:")
	log := slog.New(slog.DiscardHandler)
	s := &service{t: t, db: db, exports: t.TempDir()}
	var err error
	s.engine, err = prepare(t.Context(), db, options{dir: s.exports}, log)
	require.NoError(t, err)
	server := httptest.NewServer(newAPI(s.engine, db, log))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// reply is the answer to a request.
type reply struct {
	code   int
	header http.Header
	body   []byte
}

func (s *service) do(method, path, body string, header ...string) reply {
	s.t.Helper()
	return send(s.t, method, s.url+path, body, header...)
}

// send sends a body as JSON, with more headers given as names and values.
func send(t *testing.T, method, url, body string, header ...string) reply {
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
	return reply{response.StatusCode, response.Header, raw}
}

// job is the answer as a job's status.
func (r reply) job(t *testing.T, code int) *model.JobView {
	t.Helper()
	require.Equal(t, code, r.code, "%s", r.body)
	var status model.JobView
	require.NoError(t, json.Unmarshal(r.body, &status))
	return &status
}

// problem is the answer as an error of that code and kind.
func (r reply) problem(t *testing.T, code int, kind string) problem {
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

// enqueue enqueues a job that the service takes.
func (s *service) enqueue(body string) *model.JobView {
	s.t.Helper()
	return s.do("POST", "/jobs", body).job(s.t, http.StatusAccepted)
}

// await asks for a job until it is as wanted.
func (s *service) await(job *model.JobView, wanted func(*model.JobView) bool) *model.JobView {
	s.t.Helper()
	const deadline, interval = 30 * time.Second, 5 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		status := s.do("GET", "/jobs/"+job.ID.String(), "").job(s.t, http.StatusOK)
		if wanted(status) {
			return status
		}
		require.Less(s.t, time.Since(began), deadline, "the job is %s, %s, step %q", status.Status, status.Message, status.CurrentStep)
	}
}

func (s *service) awaitStatus(job *model.JobView, wanted model.Status) *model.JobView {
	s.t.Helper()
	return s.await(job, func(j *model.JobView) bool { return j.Status == wanted })
}

// lines keeps what a log says.
type lines struct {
	mu   sync.Mutex
	text []string
	said chan struct{} // gets one for each line, as long as somebody listens
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	l.text = append(l.text, string(line))
	l.mu.Unlock()
	select {
	case l.said <- struct{}{}:
	default:
	}
	return len(line), nil
}

// find returns the first line that has that text.
func (l *lines) find(text string) (string, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, line := range l.text {
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
