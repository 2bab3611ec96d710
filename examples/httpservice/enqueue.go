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
	// Whom the job belongs to, and the file that it works on.
	Role            string `json:"role"`
	Email           string `json:"email"`
	UploadedFileURL string `json:"uploaded_file_url"`
	// ScheduledAt is when the job is due; now if there is none. Immediately has it
	// run before others of its type.
	ScheduledAt time.Time `json:"scheduled_at"`
	Immediately bool      `json:"immediately"`
}

// options are what an engine makes of all but the type and the input.
func (e *enqueueRequest) options() []engine.EnqueueOption {
	opts := []engine.EnqueueOption{engine.Name(e.Name), engine.Role(e.Role), engine.Email(e.Email), engine.UploadedFileURL(e.UploadedFileURL)}
	if !e.ScheduledAt.IsZero() {
		opts = append(opts, engine.At(e.ScheduledAt))
	}
	if e.Immediately {
		opts = append(opts, engine.Immediately())
	}
	return opts
}

// enqueue makes a job: 202. A job of that type that has the request's
// idempotency key already is returned as it is: 200.
//
// The job waits for an engine that has its type, and that is this one: so a
// type that it does not have, or an input that its definition cannot use, is
// better refused now.
func (a *api) enqueue(w http.ResponseWriter, r *http.Request) (answer, error) {
	var body enqueueRequest
	if err := readJSON(w, r, &body); err != nil {
		return answer{}, err
	}
	definition := a.engine.Registered(body.Type)
	if definition == nil {
		return answer{}, badRequest("no jobs of type %q can be run here", body.Type)
	}
	input := engine.RawInput{Type: body.Type, Input: body.Input}
	raw, _ := input.MarshalJSON() // null where there is none
	if _, err := definition.Plan(raw); err != nil {
		return answer{}, badRequest("%w", err)
	}
	opts := body.options()
	if key, ok := r.Header["Idempotency-Key"]; ok {
		if len(key) > 1 {
			return answer{}, badRequest("there are %d Idempotency-Key headers: want one", len(key))
		}
		opts = append(opts, engine.IdempotencyKey(key[0]))
	}
	job, err := a.engine.Enqueue(r.Context(), input, opts...)
	if err != nil {
		return answer{}, err
	}
	code := http.StatusAccepted
	if job.Existing {
		code = http.StatusOK
	}
	out, err := a.status(r.Context(), job.ID, code)
	out.location = "/jobs/" + job.ID.String()
	return out, err
}
