package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// problem is what an answer says of an error:
//
//	{"error": {"kind": "conflict", "message": "resume job …: it is succeeded; …", "status": "succeeded"}}
type problem struct {
	code int

	Kind    string `json:"kind"` // to be tested by programs
	Message string `json:"message"`
	// Status is the job's where that is the reason.
	Status model.Status `json:"status,omitempty"`
}

type problemBody struct {
	Error problem `json:"error"`
}

var (
	errBadRequest  = errors.New("bad request")
	errMediaType   = errors.New("unsupported media type")
	errUnavailable = errors.New("database cannot be reached")
)

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errBadRequest, fmt.Errorf(format, args...))
}

// problemOf tells a client as much of an error as is its business: what it did
// wrong, and nothing of what is wrong here.
func problemOf(err error) problem {
	p := problem{Message: err.Error()}
	switch {
	case errors.Is(err, engine.ErrInvalid), errors.Is(err, errBadRequest):
		p.code, p.Kind = http.StatusBadRequest, "invalid"
	case errors.Is(err, engine.ErrNotFound):
		p.code, p.Kind = http.StatusNotFound, "not_found"
	case errors.Is(err, engine.ErrStatus):
		p.code, p.Kind = http.StatusConflict, "conflict"
	case errors.Is(err, errMediaType):
		p.code, p.Kind = http.StatusUnsupportedMediaType, "unsupported_media_type"
	case isTooLarge(err):
		p.code, p.Kind = http.StatusRequestEntityTooLarge, "too_large"
	case errors.Is(err, errUnavailable), errors.Is(err, context.DeadlineExceeded):
		p.code, p.Kind, p.Message = http.StatusServiceUnavailable, "unavailable", "the database does not answer; try again later"
	default:
		p.code, p.Kind, p.Message = http.StatusInternalServerError, "internal", "something went wrong here; the log says what"
	}
	if e, ok := errors.AsType[*engine.StatusError](err); ok {
		p.Status = e.Status
	}
	return p
}

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// withProblems has the mux's own answers - no such path, no such method - be
// JSON like all others.
func withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(&problemWriter{ResponseWriter: w}, r)
	})
}

// problemWriter writes an error's code as a problem, in place of its text.
type problemWriter struct{ http.ResponseWriter }

func (w *problemWriter) WriteHeader(code int) {
	text := http.StatusText(code)
	writeJSON(w.ResponseWriter, code, problemBody{problem{Kind: strings.ReplaceAll(strings.ToLower(text), " ", "_"), Message: text}})
}

func (w *problemWriter) Write(text []byte) (int, error) { return len(text), nil }
