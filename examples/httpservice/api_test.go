package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

const slow = `{"type": "demo:steps", "input": {"steps": 3, "step_ms": 3600000}}`

func running(j *model.JobView) bool { return j.Status == model.Processing }

func TestJobIsEnqueuedAndSucceeds(t *testing.T) {
	t.Parallel()
	s := setup(t)

	r := s.do("POST", "/jobs", `{"type": "orders:export", "name": "Monday", "input": {"country": "DE"}}`)
	job := r.job(t, http.StatusAccepted)
	assert.Equal(t, "/jobs/"+job.ID.String(), r.header.Get("Location"))
	assert.Equal(t, "Monday", job.Name)

	status := s.awaitStatus(job, model.Succeeded)
	var result Published
	require.NoError(t, json.Unmarshal(status.Result, &result))
	assert.Equal(t, 400, result.Orders)
	assert.Equal(t, 100, status.Percent)
	assert.FileExists(t, filepath.Join(s.exports, result.File))
}

func TestJobHasWhatItIsEnqueuedWith(t *testing.T) {
	t.Parallel()
	s := setup(t)
	job := s.enqueue(`{"type": "demo:steps", "role": "shop", "email": "ana@example.com", "uploaded_file_url": "https://example.com/a.csv",
		"scheduled_at": "2099-01-02T03:04:05+01:00", "input": {"steps": 1, "step_ms": 0}}`)
	assert.Equal(t, []string{"shop", "ana@example.com", "https://example.com/a.csv"}, []string{job.Role, job.Email, job.UploadedFileURL})
	assert.Equal(t, time.Date(2099, 1, 2, 2, 4, 5, 0, time.UTC), job.ScheduledAt.Time)
	assert.Equal(t, model.Scheduled, job.Status)
	now := s.enqueue(`{"type": "demo:steps", "immediately": true, "input": {"steps": 1, "step_ms": 0}}`)
	s.awaitStatus(now, model.Succeeded)
}

func TestJobIsCancelledWhileItRunsAndResumed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	job := s.enqueue(slow)
	s.await(job, running)

	asked := s.do("POST", "/jobs/"+job.ID.String()+"/cancel", `{"by": "ana", "reason": "lunch"}`).job(t, http.StatusAccepted)
	assert.True(t, asked.CancelRequested)

	status := s.awaitStatus(job, model.Cancelled)
	assert.Equal(t, "ana", status.CancelledBy)
	assert.Equal(t, "lunch", status.CancelReason)
	s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").job(t, http.StatusAccepted) // once more changes nothing

	s.do("POST", "/jobs/"+job.ID.String()+"/resume", "").job(t, http.StatusAccepted)
	assert.Equal(t, 1, s.await(job, running).Resumptions)
	s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").job(t, http.StatusAccepted)
	s.awaitStatus(job, model.Cancelled)
}

func TestWaitingJobIsCancelledAtOnce(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	job := s.enqueue(slow)
	assert.Equal(t, model.Cancelled, s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").job(t, http.StatusAccepted).Status)
}

func TestIdempotencyKeyMakesOneJob(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	first := s.do("POST", "/jobs", slow, "Idempotency-Key", "k1").job(t, http.StatusAccepted)
	r := s.do("POST", "/jobs", slow, "Idempotency-Key", "k1")
	assert.Equal(t, first.ID, r.job(t, http.StatusOK).ID)
	assert.Equal(t, "/jobs/"+first.ID.String(), r.header.Get("Location"))
	other := s.do("POST", "/jobs", slow, "Idempotency-Key", "k2").job(t, http.StatusAccepted)
	assert.NotEqual(t, first.ID, other.ID)
	s.do("POST", "/jobs", slow, "Idempotency-Key", "").problem(t, http.StatusBadRequest, "invalid")
}

func TestUnknownJobIsNotFound(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	path := "/jobs/" + uuid.NewString()
	s.do("GET", path, "").problem(t, http.StatusNotFound, "not_found")
	s.do("POST", path+"/cancel", "").problem(t, http.StatusNotFound, "not_found")
	s.do("POST", path+"/resume", "").problem(t, http.StatusNotFound, "not_found")
}

func TestStatusThatDoesNotAllowItIsAConflict(t *testing.T) {
	t.Parallel()
	s := setup(t)
	job := s.enqueue(`{"type": "demo:steps", "input": {"steps": 1, "step_ms": 0}}`)
	s.awaitStatus(job, model.Succeeded)

	p := s.do("POST", "/jobs/"+job.ID.String()+"/resume", "").problem(t, http.StatusConflict, "conflict")
	assert.Equal(t, model.Succeeded, p.Status)
	p = s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").problem(t, http.StatusConflict, "conflict")
	assert.Equal(t, model.Succeeded, p.Status)
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	large := fmt.Sprintf(`{"type": "demo:steps", "input": {"pad": %q}}`, strings.Repeat("x", maxBody))
	id := s.enqueue(slow).ID.String()
	for _, test := range []struct {
		name, method, path, body string
		header                   []string
		code                     int
		kind, says               string
	}{
		{"no JSON", "POST", "/jobs", `{"type": `, nil, 400, "invalid", "unexpected EOF"},
		{"not an object", "POST", "/jobs", `[]`, nil, 400, "invalid", "cannot unmarshal"},
		{"an unknown key", "POST", "/jobs", `{"typ": "demo:steps"}`, nil, 400, "invalid", `\"typ\"`},
		{"two values", "POST", "/jobs", slow + `{}`, nil, 400, "invalid", "after its JSON value"},
		{"half a value behind", "POST", "/jobs", slow + `"`, nil, 400, "invalid", "EOF"},
		{"an empty body", "POST", "/jobs", "", []string{"Content-Type", "application/json"}, 400, "invalid", "EOF"},
		{"no type", "POST", "/jobs", `{}`, nil, 400, "invalid", "no jobs of type"},
		{"another type", "POST", "/jobs", `{"type": "orders:import"}`, nil, 400, "invalid", "orders:import"},
		{"an input of another form", "POST", "/jobs", `{"type": "orders:export", "input": []}`, nil, 400, "invalid", "does not fit"},
		{"an input that cannot be used", "POST", "/jobs", `{"type": "orders:export", "input": {"country": "XX"}}`, nil, 400, "invalid", `country is \"XX\"`},
		{"a name too long", "POST", "/jobs", fmt.Sprintf(`{"type": "demo:steps", "name": %q}`, strings.Repeat("n", 256)), nil, 400, "invalid", "255"},
		{"two times", "POST", "/jobs", `{"type": "demo:steps", "scheduled_at": "2099-01-01T00:00:00Z", "immediately": true}`, nil, 400, "invalid", "it has both Immediately and At("},
		{"no time", "POST", "/jobs", `{"type": "demo:steps", "scheduled_at": "tomorrow"}`, nil, 400, "invalid", "tomorrow"},
		{"no content type", "POST", "/jobs", slow, []string{"Content-Type", ""}, 415, "unsupported_media_type", "want application/json"},
		{"another content type", "POST", "/jobs", slow, []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type", "text/plain"},
		{"a large body", "POST", "/jobs", large, nil, 413, "too_large", "too large"},
		{"no id", "GET", "/jobs/17", "", nil, 400, "invalid", "not the id of a job"},
		{"cancel without JSON", "POST", "/jobs/" + id + "/cancel", `{`, nil, 400, "invalid", "EOF"},
		{"cancel with a long reason", "POST", "/jobs/" + id + "/cancel", fmt.Sprintf(`{"reason": %q}`, strings.Repeat("r", 1001)), nil, 400, "invalid", "reason"},
		{"bad query", "GET", "/jobs?status=done&limit=0&before=x", "", nil, 400, "invalid", "before is"},
		{"no such path", "GET", "/job", "", nil, 404, "not_found", "Not Found"},
		{"no such method", "DELETE", "/jobs", "", nil, 405, "method_not_allowed", "Method Not Allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := send(t, test.method, s.url+test.path, test.body, test.header...)
			r.problem(t, test.code, test.kind)
			assert.Contains(t, string(r.body), test.says)
		})
	}
}

func TestMethodsThatAreAllowedAreNamed(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	assert.Equal(t, "GET, HEAD, POST", s.do("DELETE", "/jobs", "").header.Get("Allow"))
}

func TestAllMistakesOfAQueryAreReported(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	p := s.do("GET", "/jobs?status=done&limit=201&before=x", "").problem(t, http.StatusBadRequest, "invalid")
	for _, want := range []string{`unknown status "done"`, `limit is "201"`, `before is "x"`} {
		assert.Contains(t, p.Message, want)
	}
}

func TestListShowsPagesOfJobsTheNewestFirst(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, s.enqueue(slow).ID)
	}
	s.enqueue(`{"type": "orders:export", "input": {"country": "CH"}}`)
	s.do("POST", "/jobs/"+ids[1].String()+"/cancel", "").job(t, http.StatusAccepted)

	var pages [][]uuid.UUID
	for next := "/jobs?type=demo:steps&status=scheduled&limit=2"; next != ""; {
		r := s.do("GET", next, "")
		require.Equal(t, http.StatusOK, r.code, "%s", r.body)
		var list jobList
		require.NoError(t, json.Unmarshal(r.body, &list))
		var page []uuid.UUID
		for _, job := range list.Jobs {
			page = append(page, job.ID)
		}
		pages, next = append(pages, page), list.Next
	}
	assert.Equal(t, [][]uuid.UUID{{ids[4], ids[3]}, {ids[2], ids[0]}}, pages)
}

func TestListOfNothingIsAnEmptyList(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	assert.JSONEq(t, `{"jobs": []}`, string(s.do("GET", "/jobs", "").body))
}

func TestHealthIsTheDatabases(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	assert.JSONEq(t, `{"status": "ok"}`, string(s.do("GET", "/healthz", "").body))
}

func TestExportsAreReadableByTheServiceOnly(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.awaitStatus(s.enqueue(`{"type": "orders:export", "input": {"country": "NL"}}`), model.Succeeded)
	entries, err := os.ReadDir(s.exports)
	require.NoError(t, err)
	require.Len(t, entries, 1, "and no part of a file is left")
	info, err := entries[0].Info()
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o007)
}

func TestHealthSaysThatTheDatabaseIsGone(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	require.NoError(t, s.db.Close())
	s.do("GET", "/healthz", "").problem(t, http.StatusServiceUnavailable, "unavailable")
	p := s.do("GET", "/jobs", "").problem(t, http.StatusInternalServerError, "internal")
	assert.NotContains(t, p.Message, "sql", "what is wrong here is for the log")
}
