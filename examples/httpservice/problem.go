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

// problem describes an error in a response:
//
//	{"error": {"kind": "conflict", "message": "resume job …: it is succeeded; …", "status": "succeeded"}}
type problem struct {
	code int

	Kind    string `json:"kind"` // for programs
	Message string `json:"message"`
	// Status is the job's status, if that is the reason for the error.
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

// problemOf returns what a client may see of an error: the mistakes in its
// request, but no details of an error of the service.
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
		p.code, p.Kind, p.Message = http.StatusInternalServerError, "internal", "internal error: see the log of the service"
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

// withJSONErrors returns a handler that calls mux and writes the errors of mux
// itself, for an unknown path or method, as JSON like all other responses.
func withJSONErrors(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(&problemWriter{ResponseWriter: w}, r)
	})
}

// problemWriter writes a problem for the status code, instead of the mux's text.
type problemWriter struct{ http.ResponseWriter }

func (w *problemWriter) WriteHeader(code int) {
	text := http.StatusText(code)
	writeJSON(w.ResponseWriter, code, problemBody{problem{Kind: strings.ReplaceAll(strings.ToLower(text), " ", "_"), Message: text}})
}

func (w *problemWriter) Write(text []byte) (int, error) { return len(text), nil }
