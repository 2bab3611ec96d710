package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// maxBody is the most bytes of a request's body: the largest input that an
// engine takes by default, and something around it.
const maxBody = 256<<10 + 4<<10

// readJSON reads the one JSON value that a request's body is.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return fmt.Errorf("%w: Content-Type is %q: want application/json", errMediaType, r.Header.Get("Content-Type"))
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return badBody(err)
	}
	switch _, err := decoder.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return badBody(err)
	default:
		return badRequest("the body has something after its JSON value")
	}
}

// badBody says what is wrong with a body; one that is too large has a code of
// its own.
func badBody(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("the body is too large: %w", err)
	}
	return badRequest("the body is not the JSON that is wanted: %w", err)
}
