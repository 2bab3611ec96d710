package plan

import (
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Limits bound what a job may keep in its row. Bytes are those of what is kept: see
// [model.KeptJSON].
type Limits struct {
	Output  int // bytes of one step's output, checkpoint or result
	Data    int // bytes of the data document
	Steps   int
	Signals int // that no step has used
	Message int // characters; longer ones are cut
	Error   int // characters; longer ones are cut
}

// KeepJSON returns raw as it is kept in a row, in at most that many bytes, or why it
// cannot be.
func KeepJSON(raw json.RawMessage, limit int) (json.RawMessage, error) {
	kept, err := model.KeptJSON(raw)
	if err != nil {
		return nil, err
	}
	if len(kept) > limit {
		return nil, fmt.Errorf("has %d bytes%s, more than the bound of %d: store it elsewhere and keep its address", len(kept), writtenOut(raw, kept), limit)
	}
	return kept, nil
}

// writtenOut says why kept has more bytes than raw.
func writtenOut(raw, kept json.RawMessage) string {
	if len(kept) <= len(raw) {
		return ""
	}
	return " (numbers such as 1e300 count with all of their digits, as PostgreSQL keeps them)"
}

// KeepOutput returns an output, nil for none, as it is recorded, or why it cannot be.
// The history in data gives way to it; dropped says that some of it was dropped.
func (l Limits) KeepOutput(data *model.Data, output json.RawMessage) (kept json.RawMessage, dropped bool, err error) {
	if output == nil {
		return nil, false, nil
	}
	return l.keep(data, output, "its output", "its output")
}

// KeepResult is KeepOutput for the result of a job.
func (l Limits) KeepResult(data *model.Data, result json.RawMessage) (kept json.RawMessage, dropped bool, err error) {
	return l.keep(data, result, "the job's result", "a result")
}

func (l Limits) keep(data *model.Data, raw json.RawMessage, name, noun string) (kept json.RawMessage, dropped bool, err error) {
	if kept, err = KeepJSON(raw, l.Output); err != nil {
		return nil, false, fmt.Errorf("%s %w", name, err)
	}
	size, dropped := l.SizeWith(data, len(kept))
	if size > l.Data {
		return nil, dropped, fmt.Errorf("with %s of %d bytes the job's data would have %d, more than the bound of %d: store it elsewhere and keep its address",
			noun, len(kept), size, l.Data)
	}
	return kept, dropped, nil
}

// SizeWith returns the approximate size of the document with n more bytes. If that would
// be too large, history is dropped from it; dropped reports that.
func (l Limits) SizeWith(data *model.Data, n int) (size int, dropped bool) {
	dropped = data.DropHistory(l.Data - n)
	return data.Size() + n, dropped
}

const (
	// errorShare is the part of the document that its errors may take together before
	// each is cut to shortError characters: many failed steps must not take the room
	// that a resume needs.
	errorShare = 4
	shortError = 200
)

// CutError cuts the text of a step's error as the document has room for it.
func (l Limits) CutError(data *model.Data, text string) string {
	limit := l.Error
	if data.ErrorSize()+len(text) > l.Data/errorShare {
		limit = min(limit, shortError)
	}
	return model.CutText(text, limit)
}

// FitErrors cuts the errors of a document that is over the bound, as an earlier
// version has left one.
func (l Limits) FitErrors(data *model.Data) {
	if data.Size() <= l.Data {
		return
	}
	for i := range data.Steps {
		record := &data.Steps[i]
		record.Error = model.CutText(record.Error, min(l.Error, shortError))
		if record.Undo != nil {
			undo := *record.Undo
			undo.Error = model.CutText(undo.Error, min(l.Error, shortError))
			record.Undo = &undo
		}
	}
}
