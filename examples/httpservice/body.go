package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// maxBody limits a request's body, in bytes. It allows for the largest input that
// an engine accepts by default, 256 KiB, and the keys around it.
const maxBody = 256<<10 + 4<<10

// readJSON decodes the request's body, which must be exactly one JSON value, into
// target.
func readJSON(w http.ResponseWriter, r *http.Request, target any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return fmt.Errorf("%w: Content-Type is %q: want application/json", errMediaType, r.Header.Get("Content-Type"))
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return bodyError(err)
	}
	switch _, err := decoder.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return bodyError(err)
	default:
		return badRequest("the body has more data after its JSON value")
	}
}

// bodyError wraps an error of reading a body. A body that is too large has its own
// status code.
func bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("the body is too large: %w", err)
	}
	return badRequest("the body is not valid JSON for this request: %w", err)
}
