package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
)

// api handles the requests of clients. It uses the engine only to read and write
// the database, so it also works if another process runs the jobs.
type api struct {
	engine *engine.Engine
	db     *bun.DB
	log    *slog.Logger
}

// newAPI returns the handler of all routes.
func newAPI(eng *engine.Engine, db *bun.DB, log *slog.Logger) http.Handler {
	a := &api{engine: eng, db: db, log: log}
	mux := http.NewServeMux()
	mux.Handle("POST /jobs", a.route(a.enqueue))
	mux.Handle("GET /jobs", a.route(a.list))
	mux.Handle("GET /jobs/{id}", a.route(a.show))
	mux.Handle("POST /jobs/{id}/cancel", a.route(a.cancel))
	mux.Handle("POST /jobs/{id}/resume", a.route(a.resume))
	mux.Handle("GET /healthz", a.route(a.health))
	return denyCrossOrigin(withJSONErrors(mux))
}

// denyCrossOrigin rejects requests that a browser sends for a page of another
// origin. The browser may reach this service even if the author of the page
// cannot.
func denyCrossOrigin(handler http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		const message = "requests from a page of another origin are not allowed"
		writeJSON(w, http.StatusForbidden, problemBody{problem{Kind: "forbidden", Message: message}})
	}))
	return protection.Handler(handler)
}

// requestTimeout limits the database queries of a request.
const requestTimeout = 10 * time.Second

// response is the response to a request; body is encoded as JSON.
type response struct {
	code     int
	location string
	body     any
}

// route returns a handler that writes the response or the error that handle
// returns.
func (a *api) route(handle func(w http.ResponseWriter, r *http.Request) (response, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		out, err := handle(w, r.WithContext(ctx))
		if err != nil {
			p := problemOf(err)
			if p.code >= http.StatusInternalServerError && r.Context().Err() == nil {
				a.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
			out = response{code: p.code, body: problemBody{p}}
		}
		if out.location != "" {
			w.Header().Set("Location", out.location)
		}
		writeJSON(w, out.code, out.body)
	})
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // all bodies are our own types, so this is a bug
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(raw, '\n')) // the client may have disconnected
}

// jobID returns the id in the request's path.
func jobID(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return uuid.Nil, badRequest("%q is not a job id: %w", r.PathValue("id"), err)
	}
	return id, nil
}

// respondStatus returns a response with the job's current status.
func (a *api) respondStatus(ctx context.Context, id uuid.UUID, code int) (response, error) {
	status, err := a.engine.Status(ctx, id)
	return response{code: code, body: status}, err
}

func (a *api) show(_ http.ResponseWriter, r *http.Request) (response, error) {
	id, err := jobID(r)
	if err != nil {
		return response{}, err
	}
	return a.respondStatus(r.Context(), id, http.StatusOK)
}

// health checks that the database can be reached.
func (a *api) health(_ http.ResponseWriter, r *http.Request) (response, error) {
	if err := a.db.PingContext(r.Context()); err != nil {
		return response{}, errors.Join(errUnavailable, err)
	}
	return response{code: http.StatusOK, body: map[string]string{"status": "ok"}}, nil
}
