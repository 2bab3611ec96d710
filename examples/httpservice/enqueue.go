package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/ntxdev/jobsystem/engine"
)

// enqueueRequest is the body of POST /jobs.
type enqueueRequest struct {
	Type  string          `json:"type"`
	Input json.RawMessage `json:"input"`
	Name  string          `json:"name"`
	// Role and Email identify the owner of the job.
	Role  string `json:"role"`
	Email string `json:"email"`
	// UploadedFileURL is the location of the file that the job processes.
	UploadedFileURL string `json:"uploaded_file_url"`
	// ScheduledAt is the time at which the job is due, by default now. Immediately
	// runs it before all other jobs of its type that wait; Priority, from -2 to 2,
	// ranks it among them.
	ScheduledAt time.Time `json:"scheduled_at"`
	Immediately bool      `json:"immediately"`
	Priority    int       `json:"priority"`
}

// options returns the engine's options for all keys but the type and the input.
func (e *enqueueRequest) options() []engine.EnqueueOption {
	opts := []engine.EnqueueOption{engine.Name(e.Name), engine.Role(e.Role), engine.Email(e.Email), engine.UploadedFileURL(e.UploadedFileURL)}
	if !e.ScheduledAt.IsZero() {
		opts = append(opts, engine.At(e.ScheduledAt))
	}
	if e.Immediately {
		opts = append(opts, engine.Immediately())
	}
	if e.Priority != 0 {
		opts = append(opts, engine.Priority(e.Priority))
	}
	return opts
}

// enqueue enqueues a job and responds with 202. If a job of the type already has
// the request's idempotency key, it responds with 200 and that job.
//
// Only this service's engine runs the jobs, so enqueue rejects a type that is not
// registered here and an input that the definition cannot use. Otherwise the job
// would wait for ever or fail later.
func (a *api) enqueue(w http.ResponseWriter, r *http.Request) (response, error) {
	var body enqueueRequest
	if err := readJSON(w, r, &body); err != nil {
		return response{}, err
	}
	definition := a.engine.Registered(body.Type)
	if definition == nil {
		return response{}, badRequest("no jobs of type %q can run in this service", body.Type)
	}
	input := engine.RawInput{Type: body.Type, Input: body.Input}
	raw, _ := input.MarshalJSON() // null without an input
	if _, err := definition.Plan(raw); err != nil {
		return response{}, badRequest("%w", err)
	}
	opts := body.options()
	if key, ok := r.Header["Idempotency-Key"]; ok {
		if len(key) > 1 {
			return response{}, badRequest("the request has %d Idempotency-Key headers: want one", len(key))
		}
		opts = append(opts, engine.IdempotencyKey(key[0]))
	}
	job, err := a.engine.Enqueue(r.Context(), input, opts...)
	if err != nil {
		return response{}, err
	}
	code := http.StatusAccepted
	if job.Existing {
		code = http.StatusOK
	}
	out, err := a.respondStatus(r.Context(), job.ID, code)
	out.location = "/jobs/" + job.ID.String()
	return out, err
}
