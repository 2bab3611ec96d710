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

// api answers the requests of clients. It only needs an engine to talk to the
// database with, whether that engine runs jobs or another process does.
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
	return ownPagesOnly(withProblems(mux))
}

// ownPagesOnly refuses what a page of somebody else has a browser send, which
// may reach an address that its author cannot: such as this one.
func ownPagesOnly(handler http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		const message = "a page of another origin may not ask for that"
		writeJSON(w, http.StatusForbidden, problemBody{problem{Kind: "forbidden", Message: message}})
	}))
	return protection.Handler(handler)
}

// answerTimeout bounds a request's questions to the database.
const answerTimeout = 10 * time.Second

// answer is what a request is answered with.
type answer struct {
	code     int
	location string
	body     any
}

// route makes a handler of a function that returns what to answer, or why it
// cannot.
func (a *api) route(handle func(w http.ResponseWriter, r *http.Request) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
		defer cancel()
		out, err := handle(w, r.WithContext(ctx))
		if err != nil {
			p := problemOf(err)
			if p.code >= http.StatusInternalServerError && r.Context().Err() == nil {
				a.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
			out = answer{code: p.code, body: problemBody{p}}
		}
		if out.location != "" {
			w.Header().Set("Location", out.location)
		}
		writeJSON(w, out.code, out.body)
	})
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // our own types: a mistake of this program
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(raw, '\n')) // whoever asked may be gone
}

// jobID is the id in the request's path.
func jobID(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return uuid.Nil, badRequest("%q is not the id of a job: %w", r.PathValue("id"), err)
	}
	return id, nil
}

// status answers with the job as it is now.
func (a *api) status(ctx context.Context, id uuid.UUID, code int) (answer, error) {
	status, err := a.engine.Status(ctx, id)
	return answer{code: code, body: status}, err
}

func (a *api) show(_ http.ResponseWriter, r *http.Request) (answer, error) {
	id, err := jobID(r)
	if err != nil {
		return answer{}, err
	}
	return a.status(r.Context(), id, http.StatusOK)
}

// health says that the service can do its work: it reaches its database.
func (a *api) health(_ http.ResponseWriter, r *http.Request) (answer, error) {
	if err := a.db.PingContext(r.Context()); err != nil {
		return answer{}, errors.Join(errUnavailable, err)
	}
	return answer{code: http.StatusOK, body: map[string]string{"status": "ok"}}, nil
}
