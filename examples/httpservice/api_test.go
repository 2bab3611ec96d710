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

const slowJob = `{"type": "demo:steps", "input": {"steps": 3, "step_ms": 3600000}}`

func isProcessing(j *model.JobView) bool { return j.Status == model.Processing }

func TestAJobIsEnqueuedAndSucceeds(t *testing.T) {
	t.Parallel()
	s := setup(t)

	r := s.do("POST", "/jobs", `{"type": "orders:export", "name": "Monday", "input": {"country": "DE"}}`)
	job := r.job(t, http.StatusAccepted)
	assert.Equal(t, "/jobs/"+job.ID.String(), r.header.Get("Location"))
	assert.Equal(t, "Monday", job.Name)

	status := s.waitForStatus(job, model.Succeeded)
	var result Published
	require.NoError(t, json.Unmarshal(status.Result, &result))
	assert.Equal(t, 400, result.Orders)
	assert.Equal(t, 100, status.Percent)
	assert.FileExists(t, filepath.Join(s.exportDir, result.File))
}

func TestAJobHasTheOptionsOfItsRequest(t *testing.T) {
	t.Parallel()
	s := setup(t)
	job := s.enqueue(`{"type": "demo:steps", "role": "shop", "email": "ana@example.com", "uploaded_file_url": "https://example.com/a.csv",
		"scheduled_at": "2099-01-02T03:04:05+01:00", "input": {"steps": 1, "step_ms": 0}}`)
	assert.Equal(t, "shop", job.Role)
	assert.Equal(t, "ana@example.com", job.Email)
	assert.Equal(t, "https://example.com/a.csv", job.UploadedFileURL)
	assert.Equal(t, time.Date(2099, 1, 2, 2, 4, 5, 0, time.UTC), job.ScheduledAt.Time)
	assert.Equal(t, model.Scheduled, job.Status)
	immediate := s.enqueue(`{"type": "demo:steps", "immediately": true, "input": {"steps": 1, "step_ms": 0}}`)
	s.waitForStatus(immediate, model.Succeeded)
}

func TestARunningJobIsCancelledAndResumed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	job := s.enqueue(slowJob)
	s.waitFor(job, isProcessing)

	requested := s.do("POST", "/jobs/"+job.ID.String()+"/cancel", `{"by": "ana", "reason": "lunch"}`).job(t, http.StatusAccepted)
	assert.True(t, requested.CancelRequested)

	status := s.waitForStatus(job, model.Cancelled)
	assert.Equal(t, "ana", status.CancelledBy)
	assert.Equal(t, "lunch", status.CancelReason)
	s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").job(t, http.StatusAccepted) // a second cancel changes nothing

	s.do("POST", "/jobs/"+job.ID.String()+"/resume", "").job(t, http.StatusAccepted)
	assert.Equal(t, 1, s.waitFor(job, isProcessing).Resumptions)
	s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").job(t, http.StatusAccepted)
	s.waitForStatus(job, model.Cancelled)
}

func TestAScheduledJobIsCancelledAtOnce(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	job := s.enqueue(slowJob)
	assert.Equal(t, model.Cancelled, s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").job(t, http.StatusAccepted).Status)
}

func TestRequestsWithTheSameIdempotencyKeyEnqueueOneJob(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	first := s.do("POST", "/jobs", slowJob, "Idempotency-Key", "k1").job(t, http.StatusAccepted)
	r := s.do("POST", "/jobs", slowJob, "Idempotency-Key", "k1")
	assert.Equal(t, first.ID, r.job(t, http.StatusOK).ID)
	assert.Equal(t, "/jobs/"+first.ID.String(), r.header.Get("Location"))
	other := s.do("POST", "/jobs", slowJob, "Idempotency-Key", "k2").job(t, http.StatusAccepted)
	assert.NotEqual(t, first.ID, other.ID)
	s.do("POST", "/jobs", slowJob, "Idempotency-Key", "").problem(t, http.StatusBadRequest, "invalid")
}

func TestAnUnknownJobIsNotFound(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	path := "/jobs/" + uuid.NewString()
	s.do("GET", path, "").problem(t, http.StatusNotFound, "not_found")
	s.do("POST", path+"/cancel", "").problem(t, http.StatusNotFound, "not_found")
	s.do("POST", path+"/resume", "").problem(t, http.StatusNotFound, "not_found")
}

func TestACommandThatTheStatusForbidsIsAConflict(t *testing.T) {
	t.Parallel()
	s := setup(t)
	job := s.enqueue(`{"type": "demo:steps", "input": {"steps": 1, "step_ms": 0}}`)
	s.waitForStatus(job, model.Succeeded)

	p := s.do("POST", "/jobs/"+job.ID.String()+"/resume", "").problem(t, http.StatusConflict, "conflict")
	assert.Equal(t, model.Succeeded, p.Status)
	p = s.do("POST", "/jobs/"+job.ID.String()+"/cancel", "").problem(t, http.StatusConflict, "conflict")
	assert.Equal(t, model.Succeeded, p.Status)
}

func TestInvalidRequestsAreRejected(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	large := fmt.Sprintf(`{"type": "demo:steps", "input": {"pad": %q}}`, strings.Repeat("x", maxBody))
	id := s.enqueue(slowJob).ID.String()
	for _, test := range []struct {
		name, method, path, body string
		header                   []string
		code                     int
		kind, contains           string
	}{
		{"no JSON", "POST", "/jobs", `{"type": `, nil, 400, "invalid", "unexpected EOF"},
		{"not an object", "POST", "/jobs", `[]`, nil, 400, "invalid", "cannot unmarshal"},
		{"an unknown key", "POST", "/jobs", `{"typ": "demo:steps"}`, nil, 400, "invalid", `\"typ\"`},
		{"two values", "POST", "/jobs", slowJob + `{}`, nil, 400, "invalid", "after its JSON value"},
		{"an incomplete second value", "POST", "/jobs", slowJob + `"`, nil, 400, "invalid", "EOF"},
		{"an empty body", "POST", "/jobs", "", []string{"Content-Type", "application/json"}, 400, "invalid", "EOF"},
		{"no type", "POST", "/jobs", `{}`, nil, 400, "invalid", "no jobs of type"},
		{"another type", "POST", "/jobs", `{"type": "orders:import"}`, nil, 400, "invalid", "orders:import"},
		{"an input of the wrong type", "POST", "/jobs", `{"type": "orders:export", "input": []}`, nil, 400, "invalid", "does not fit"},
		{"an invalid input", "POST", "/jobs", `{"type": "orders:export", "input": {"country": "XX"}}`, nil, 400, "invalid", `country is \"XX\"`},
		{"a name that is too long", "POST", "/jobs", fmt.Sprintf(`{"type": "demo:steps", "name": %q}`, strings.Repeat("n", 256)), nil, 400, "invalid", "255"},
		{"two due times", "POST", "/jobs", `{"type": "demo:steps", "scheduled_at": "2099-01-01T00:00:00Z", "immediately": true}`, nil, 400, "invalid", "it has both Immediately and At("},
		{"an invalid time", "POST", "/jobs", `{"type": "demo:steps", "scheduled_at": "tomorrow"}`, nil, 400, "invalid", "tomorrow"},
		{"no content type", "POST", "/jobs", slowJob, []string{"Content-Type", ""}, 415, "unsupported_media_type", "want application/json"},
		{"another content type", "POST", "/jobs", slowJob, []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type", "text/plain"},
		{"a large body", "POST", "/jobs", large, nil, 413, "too_large", "too large"},
		{"an invalid id", "GET", "/jobs/17", "", nil, 400, "invalid", "not a job id"},
		{"cancel without JSON", "POST", "/jobs/" + id + "/cancel", `{`, nil, 400, "invalid", "EOF"},
		{"cancel with a long reason", "POST", "/jobs/" + id + "/cancel", fmt.Sprintf(`{"reason": %q}`, strings.Repeat("r", 1001)), nil, 400, "invalid", "reason"},
		{"an invalid query", "GET", "/jobs?status=done&limit=0&before=x", "", nil, 400, "invalid", "before is"},
		{"an unknown path", "GET", "/job", "", nil, 404, "not_found", "Not Found"},
		{"an unknown method", "DELETE", "/jobs", "", nil, 405, "method_not_allowed", "Method Not Allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := send(t, test.method, s.url+test.path, test.body, test.header...)
			r.problem(t, test.code, test.kind)
			assert.Contains(t, string(r.body), test.contains)
		})
	}
}

func TestTheResponseNamesTheAllowedMethods(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	assert.Equal(t, "GET, HEAD, POST", s.do("DELETE", "/jobs", "").header.Get("Allow"))
}

func TestTheErrorOfAQueryListsAllMistakes(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	p := s.do("GET", "/jobs?status=done&limit=201&before=x", "").problem(t, http.StatusBadRequest, "invalid")
	for _, want := range []string{`unknown status "done"`, `limit is "201"`, `before is "x"`} {
		assert.Contains(t, p.Message, want)
	}
}

func TestListReturnsPagesWithTheNewestJobsFirst(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, s.enqueue(slowJob).ID)
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

func TestListWithoutJobsIsAnEmptyArray(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	assert.JSONEq(t, `{"jobs": []}`, string(s.do("GET", "/jobs", "").body))
}

func TestHealthIsOKWhileTheDatabaseCanBeReached(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	assert.JSONEq(t, `{"status": "ok"}`, string(s.do("GET", "/healthz", "").body))
}

func TestOthersCannotReadExports(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.waitForStatus(s.enqueue(`{"type": "orders:export", "input": {"country": "NL"}}`), model.Succeeded)
	entries, err := os.ReadDir(s.exportDir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no incomplete file is left")
	info, err := entries[0].Info()
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o007)
}

func TestHealthIsUnavailableWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	s := setupStopped(t)
	require.NoError(t, s.db.Close())
	s.do("GET", "/healthz", "").problem(t, http.StatusServiceUnavailable, "unavailable")
	p := s.do("GET", "/jobs", "").problem(t, http.StatusInternalServerError, "internal")
	assert.NotContains(t, p.Message, "sql", "details are only in the log")
}
