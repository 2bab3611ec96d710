package main

import "net/http"

// cancelRequest is the body of POST /jobs/{id}/cancel. It is optional.
type cancelRequest struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// cancel requests that a job is cancelled and responds with 202 and the job's
// status. A running job becomes cancelled when its step has returned.
func (a *api) cancel(w http.ResponseWriter, r *http.Request) (response, error) {
	id, err := jobID(r)
	if err != nil {
		return response{}, err
	}
	var body cancelRequest
	if r.ContentLength != 0 {
		if err := readJSON(w, r, &body); err != nil {
			return response{}, err
		}
	}
	if err := a.engine.Cancel(r.Context(), id, body.By, body.Reason); err != nil {
		return response{}, err
	}
	return a.respondStatus(r.Context(), id, http.StatusAccepted)
}

// resume sets a failed or cancelled job back to scheduled and responds with 202.
func (a *api) resume(_ http.ResponseWriter, r *http.Request) (response, error) {
	id, err := jobID(r)
	if err != nil {
		return response{}, err
	}
	if err := a.engine.Resume(r.Context(), id); err != nil {
		return response{}, err
	}
	return a.respondStatus(r.Context(), id, http.StatusAccepted)
}
