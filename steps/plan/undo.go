package plan

import (
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// undoable reports whether step i has completed and can be undone.
func (p *Plan) undoable(records []model.StepRecord, i int) bool {
	return records[i].Status == model.StepCompleted && p.Steps[i].Undo != nil
}

// LastToUndo returns the index of the step that is undone next, which is the last one, or
// -1 if there is none.
func (p *Plan) LastToUndo(records []model.StepRecord) int {
	for i := len(records) - 1; i >= 0; i-- {
		if p.undoable(records, i) {
			return i
		}
	}
	return -1
}

// UndoesAfter reports whether a job that ends with status end undoes completed steps
// before.
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

// FailUndo marks an attempt to undo a step as failed.
func FailUndo(record *model.StepRecord, text string, now model.Time) {
	finishUndo(record, model.StepFailed, text, now)
}

// CompleteUndo marks step i as undone, and clears the result that the step has set. It
// reports whether it cleared one.
func CompleteUndo(data *model.Data, i int, now model.Time) (resultCleared bool) {
	record := &data.Steps[i]
	finishUndo(record, model.StepCompleted, "", now)
	record.Status = model.StepUndone
	if record.SetsResult && data.Declared == "" {
		data.Result, record.SetsResult, resultCleared = nil, false, true
	}
	return resultCleared
}

func finishUndo(record *model.StepRecord, status model.StepStatus, text string, now model.Time) {
	undo := *record.Undo
	undo.Status, undo.Error, undo.FinishedAt = status, text, now
	record.Undo = &undo
}

// UndoesOnCancel reports whether a job has completed steps that are undone when it is
// cancelled, or is undoing steps now. It needs no plan.
func UndoesOnCancel(data model.Data) bool {
	if data.Undoing != nil {
		return true
	}
	return data.Plan != nil && data.Plan.UndoOnCancel && hasUndoable(data)
}

// hasUndoable reports whether a job has completed steps that can be undone.
func hasUndoable(data model.Data) bool {
	return slices.ContainsFunc(data.Steps, func(r model.StepRecord) bool {
		return r.Status == model.StepCompleted && r.Undo != nil
	})
}

// CancelNeedsHandler reports whether a scheduled job needs its handler to be cancelled: it
// has steps to undo, or children to wait for. Any other is cancelled by marking its row.
func CancelNeedsHandler(j *model.Job) bool {
	data, err := model.ParseData(j.Data)
	return err == nil && (UndoesOnCancel(data) || len(AwaitedChildren(data)) > 0)
}
