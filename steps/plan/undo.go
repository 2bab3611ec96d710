package plan

import (
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// undoable reports whether step i has completed and can be undone.
func (p *Plan) undoable(records []model.StepRecord, i int) bool {
	return records[i].Status == model.StepCompleted && p.Steps[i].Undo != nil
}

// LastToUndo is the index of the step that is undone next, -1 if none is: the last
// first.
func (p *Plan) LastToUndo(records []model.StepRecord) int {
	for i := len(records) - 1; i >= 0; i-- {
		if p.undoable(records, i) {
			return i
		}
	}
	return -1
}

// UndoesAfter reports whether completed steps are undone before a job ends so.
func (p *Plan) UndoesAfter(end model.Status, records []model.StepRecord) bool {
	return slices.Contains(p.UndoOn, end) && p.LastToUndo(records) >= 0
}

// BeginUndo marks a step as being undone.
func BeginUndo(record *model.StepRecord) {
	var undo model.UndoRecord
	if record.Undo != nil {
		undo = *record.Undo
	}
	undo.Status, undo.FinishedAt, undo.Error = model.StepRunning, model.Time{}, ""
	undo.Attempts++
	record.Undo = &undo
}

// UndoFailed records that an attempt to undo a step has failed.
func UndoFailed(record *model.StepRecord, text string, now model.Time) {
	endUndo(record, model.StepFailed, text, now)
}

// Undone records that step i is undone, and with it the result that the step set. It
// reports whether it did.
func Undone(data *model.Data, i int, now model.Time) (resultCleared bool) {
	record := &data.Steps[i]
	endUndo(record, model.StepCompleted, "", now)
	record.Status = model.StepUndone
	if record.SetsResult && data.Declared == "" {
		data.Result, record.SetsResult, resultCleared = nil, false, true
	}
	return resultCleared
}

func endUndo(record *model.StepRecord, status model.StepStatus, text string, now model.Time) {
	undo := *record.Undo
	undo.Status, undo.Error, undo.FinishedAt = status, text, now
	record.Undo = &undo
}

// Undoes reports whether a job has completed steps that are undone when it is
// cancelled, or is undoing them.
func Undoes(data model.Data) bool {
	if data.Undoing != nil {
		return true
	}
	return data.Plan != nil && data.Plan.UndoOnCancel && slices.ContainsFunc(data.Steps, func(r model.StepRecord) bool {
		return r.Status == model.StepCompleted && r.Undo != nil
	})
}

// CancelNeedsHandler reports whether cancelling a scheduled job is more than marking
// it: its handler has steps to undo, or children to wait for.
func CancelNeedsHandler(j *model.Job) bool {
	data, err := model.ParseData(j.Data)
	return err == nil && (Undoes(data) || len(WaitedChildren(data)) > 0)
}
