package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// start runs the program. It returns its address, its log, and a function that
// stops it and waits until it has ended.
func start(t *testing.T, args ...string) (string, *logLines, func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	log := &logLines{written: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), log) }()
	address := regexp.MustCompile(`address=(http://\S+)`)
	for {
		if line, _ := log.find("msg=serving"); line != "" {
			return address.FindStringSubmatch(line)[1], log, func() error {
				stop()
				return <-ended
			}
		}
		select {
		case <-log.written:
		case err := <-ended:
			require.FailNow(t, "the program has ended", "%v", err)
		case <-time.After(time.Minute):
			require.FailNow(t, "the program does not serve")
		}
	}
}

func TestTheProgramStopsTheAPIBeforeTheEngineAndContinuesJobsAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"-dsn", dsn.File(filepath.Join(dir, "shop.db")), "-dir", filepath.Join(dir, "exports")}
	url, log, stop := start(t, args...)
	job := send(t, "POST", url+"/jobs", `{"type": "demo:steps", "input": {"steps": 100, "step_ms": 250}}`).job(t, http.StatusAccepted)
	s := &service{t: t, url: url}
	s.waitFor(job, func(j *model.JobView) bool { return j.StepsCompleted > 0 })

	require.NoError(t, stop())

	_, api := log.find("stopping the API")
	_, eng := log.find("stopping the engine")
	assert.Less(t, api, eng)
	_, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	assert.Error(t, err, "the port is closed")

	url, _, stop = start(t, args...)
	s = &service{t: t, url: url}
	again := s.waitFor(job, isProcessing)
	assert.EqualValues(t, 2, again.Attempt)
	assert.Zero(t, again.Resumptions, "the job continues without a resume")
	s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").job(t, http.StatusAccepted)
	for _, step := range s.waitForStatus(job, model.Cancelled).Steps {
		assert.LessOrEqual(t, step.Attempts, 1, step.Name)
	}
	require.NoError(t, stop())
}

func TestTheProgramEndsIfItsEngineCannotRun(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	eng, err := engine.New(db, engine.Config{})
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	err = serve(t.Context(), listen(t), newAPI(eng, db, log), eng, log)
	assert.ErrorContains(t, err, "no definitions are registered")
}

func TestTheProgramEndsIfItsListenerFails(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	log := slog.New(slog.DiscardHandler)
	eng, err := prepare(t.Context(), db, options{exportDir: t.TempDir()}, log)
	require.NoError(t, err)
	listener := listen(t)
	require.NoError(t, listener.Close())
	assert.ErrorContains(t, serve(t.Context(), listener, newAPI(eng, db, log), eng, log), "closed")
}

func TestTheProgramReturnsAnErrorForAnInvalidCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"-port", "80"},
		{"now"},
		{"-dsn", "oracle://x"},
		{"-dsn", filepath.Join(dir, "no", "such", "folder.db")},
		{"-dsn", dsn.File(filepath.Join(dir, "shop.db")), "-dir", dir, "-addr", "127.0.0.1:-1"},
	} {
		assert.Error(t, run(t.Context(), args, &logLines{}), args)
	}
}
