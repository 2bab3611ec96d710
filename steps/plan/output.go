package plan

import (
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Limits are the largest values that a job may store in its row.
type Limits struct {
	Output  int // bytes of one step's output, checkpoint or result
	Data    int // bytes of the data document
	Steps   int // steps of a plan
	Message int // characters; longer ones are cut
	Error   int // characters; longer ones are cut
}

// CheckJSON returns an error if raw cannot be stored in a row: it has more than limit
// bytes, or [model.CheckJSON] finds a mistake.
func CheckJSON(raw json.RawMessage, limit int) error {
	if len(raw) > limit {
		return fmt.Errorf("has %d bytes, more than the bound of %d: store it elsewhere and keep its address", len(raw), limit)
	}
	return model.CheckJSON(raw)
}

// CheckOutput returns an error if a step's output, nil for none, cannot be recorded in
// data. If the document would be too large, history is dropped from it; dropped reports
// that.
func (l Limits) CheckOutput(data *model.Data, output json.RawMessage) (dropped bool, err error) {
	if output == nil {
		return false, nil
	}
	return l.check(data, output, "its output", "its output")
}

// CheckResult is CheckOutput for the result of a job.
func (l Limits) CheckResult(data *model.Data, result json.RawMessage) (dropped bool, err error) {
	return l.check(data, result, "the job's result", "a result")
}

func (l Limits) check(data *model.Data, raw json.RawMessage, name, noun string) (dropped bool, err error) {
	if err := CheckJSON(raw, l.Output); err != nil {
		return false, fmt.Errorf("%s %w", name, err)
	}
	size, dropped := l.SizeWith(data, len(raw))
	if size > l.Data {
		return dropped, fmt.Errorf("with %s of %d bytes the job's data would have %d, more than the bound of %d: store it elsewhere and keep its address",
			noun, len(raw), size, l.Data)
	}
	return dropped, nil
}

// SizeWith returns the approximate size of the document with n more bytes. If that would
// be too large, history is dropped from it; dropped reports that.
func (l Limits) SizeWith(data *model.Data, n int) (size int, dropped bool) {
	dropped = data.DropHistory(l.Data - n)
	return data.Size() + n, dropped
}
