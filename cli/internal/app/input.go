package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// maxData bounds what is read as an input: more than any engine's bound, less
// than what hurts.
const maxData = 64 << 20

// ReadData returns the JSON that a --data flag gives or names: JSON, @FILE, or
// - for the standard input. An empty flag is no input.
func (c *Call) ReadData(ctx context.Context, flag string) (json.RawMessage, error) {
	var raw []byte
	var err error
	where := "--data"
	switch path, isFile := strings.CutPrefix(flag, "@"); {
	case flag == "":
		return nil, nil
	case flag == "-":
		where = "the standard input"
		raw, err = readAll(ctx, c.Stdin)
	case isFile:
		where = fmt.Sprintf("the file %q", path)
		raw, err = readFile(ctx, path)
	default:
		raw = []byte(flag)
	}
	if err != nil {
		return nil, BadUsage("read %s: %w", where, err)
	}
	if err := checkSyntax(raw); err != nil {
		return nil, BadUsage("%s %w", where, err)
	}
	return raw, nil
}

func readFile(ctx context.Context, path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the file that a person has named
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(ctx, file) // it may be a pipe
}

// readAll reads everything, unless ctx ends first: a read from a terminal
// cannot be ended otherwise. The read then stays behind until it gets something.
func readAll(ctx context.Context, r io.Reader) ([]byte, error) {
	type result struct {
		raw []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		raw, err := io.ReadAll(io.LimitReader(r, maxData+1))
		if err == nil && len(raw) > maxData {
			err = fmt.Errorf("more than %d MiB: store it elsewhere and enqueue its address", maxData>>20)
		}
		done <- result{raw, err}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case got := <-done:
		return got.raw, got.err
	}
}

// checkSyntax says where JSON is broken. What a database cannot keep is left to the
// engine.
func checkSyntax(raw []byte) error {
	if err := model.CheckJSON(raw); errors.Is(err, model.ErrTooDeep) {
		return err // it may be JSON, whatever encoding/json makes of so much of it
	}
	var any json.RawMessage
	err := json.Unmarshal(raw, &any)
	if err == nil {
		return nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("is not JSON at byte %d: %w", syntax.Offset, err)
	}
	return fmt.Errorf("is not JSON: %w", err)
}

// CheckInput finds an input that the definition does not accept before the job is
// made, and warns of a type that no program seems to have.
func (s *Session) CheckInput(ctx context.Context, jobType string, input json.RawMessage) error {
	if h := s.Engine.Registered(jobType); h != nil {
		if _, err := h.Plan(json.RawMessage(cmp.Or(string(input), "null"))); err != nil {
			return BadUsage("--data for a job of type %q: %w", jobType, s.Host.Engine.Redact.OfInput(jobType, input).Error(err))
		}
		return nil
	}
	_, err := s.Jobs.LatestJob(ctx, jobType)
	if errors.Is(err, engine.ErrNotFound) {
		s.Note("%s: warning: this binary does not have the job type %q, and the database has no job of it: is it spelled right? The job waits for a worker that has it", s.Name, jobType)
		return nil
	}
	return err
}
