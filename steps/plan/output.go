package plan

import (
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Limits bound what a job may keep in its row.
type Limits struct {
	Output  int // bytes of one step's output, checkpoint or result
	Data    int // bytes of the data document
	Steps   int
	Message int // characters; longer ones are cut
	Error   int // characters; longer ones are cut
}

// CheckJSON reports why raw cannot be kept in a row, in at most that many bytes.
func CheckJSON(raw json.RawMessage, limit int) error {
	if len(raw) > limit {
		return fmt.Errorf("has %d bytes, more than the bound of %d: store it elsewhere and keep its address", len(raw), limit)
	}
	return model.CheckJSON(raw)
}

// CheckOutput reports why an output, nil for none, cannot be recorded. The history
// in data gives way to it; dropped says that some of it was dropped.
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

// SizeWith is about the number of bytes of the document with n more. The history
// gives way to them; dropped says that some of it was dropped.
func (l Limits) SizeWith(data *model.Data, n int) (size int, dropped bool) {
	dropped = data.DropHistory(l.Data - n)
	return data.Size() + n, dropped
}
