package main

import "net/http"

// cancelRequest is the body of POST /jobs/{id}/cancel. It may be left out.
type cancelRequest struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// cancel asks for a job to be cancelled: 202 with the job as it is then. A
// running job turns cancelled when its step has returned.
func (a *api) cancel(w http.ResponseWriter, r *http.Request) (answer, error) {
	id, err := jobID(r)
	if err != nil {
		return answer{}, err
	}
	var body cancelRequest
	if r.ContentLength != 0 {
		if err := readJSON(w, r, &body); err != nil {
			return answer{}, err
		}
	}
	if err := a.engine.Cancel(r.Context(), id, body.By, body.Reason); err != nil {
		return answer{}, err
	}
	return a.status(r.Context(), id, http.StatusAccepted)
}

// resume puts a failed or cancelled job back to scheduled: 202.
func (a *api) resume(_ http.ResponseWriter, r *http.Request) (answer, error) {
	id, err := jobID(r)
	if err != nil {
		return answer{}, err
	}
	if err := a.engine.Resume(r.Context(), id); err != nil {
		return answer{}, err
	}
	return a.status(r.Context(), id, http.StatusAccepted)
}
