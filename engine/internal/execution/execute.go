package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// execute runs the job's steps from the first that is not done, and ends the run. It
// reports whether the end is in the database; if not, the job is left to be settled.
func (r *run) execute() bool {
	r.Log.Info("job started", r.LogAttrs()...)
	if err := r.prepare(); err != nil {
		var panicked *plan.PanicError
		if errors.As(err, &panicked) {
			r.Log.Error("the job's definition panicked", r.with("error", r.Redacted(err.Error()), "stack", r.Redacted(string(panicked.Stack)))...)
		}
		if e, left := r.leave(err); left {
			return r.endAs(e)
		}
		return r.endAs(r.afterError("", err))
	}
	var e ending
	if r.data.Undoing == nil {
		e = r.perform()
	}
	return r.endAs(e)
}

// endAs ends the run, given the ending e of its steps, and reports whether the end is in the
// database. A decision that comes before that counts.
func (r *run) endAs(e ending) (recorded bool) {
	for {
		end := r.conclude(e)
		if r.plan != nil {
			end = r.undoAfter(end)
		}
		if err := r.finish(end); !errors.Is(err, journal.ErrDecided) {
			return err == nil
		}
	}
}

// prepare makes the plan and matches the records with it. If it returns an error, it has
// changed nothing.
func (r *run) prepare() error {
	data, err := model.ParseData(r.job.Data)
	if err != nil {
		return err
	}
	handler := r.Handlers[r.job.Type]
	made, match, err := r.match(handler, data)
	if err != nil {
		return err
	}
	if handler.Context != nil {
		if err := plan.Guard(func() error { return r.makeContext(handler, data) }); err != nil {
			return fmt.Errorf("make the job's context: %w", err)
		}
	}
	checkpoints, err := model.ParseCheckpoints(r.job.Checkpoints)
	if err != nil {
		return err
	}
	checkpoints, renamed := made.RenameCheckpoints(checkpoints)
	if err := r.learnWeights(made, match.Records, data.Steps); err != nil {
		return err
	}
	tracker, err := r.track(made, match.Records)
	if err != nil {
		return err
	}
	signals, err := model.ParseSignals(r.job.Signals)
	if err != nil {
		return err
	}
	planRecord, planChanged := made.Record(data.Plan)
	if planChanged {
		r.Log.Info("the definition has changed; the job continues under another plan, which its record fits",
			r.with("plan", planRecord.Fingerprint, "earlier", planRecord.Earlier)...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan, r.tracker, r.signals, r.checkpoints = made, tracker, signals, checkpoints
	r.data = data // with what a newer version has put there
	r.data.Steps, r.data.Plan = match.Records, planRecord
	if r.data.Undoing == nil { // an undo ends as the run that began it was declared to end
		r.data.Declared = ""
	}
	r.data.History = append(r.data.History, match.Removed...)
	r.Limits.FitErrors(&r.data)
	r.data.DropHistory(r.Limits.Data)
	if r.data.Declared == "" && !slices.ContainsFunc(match.Records, func(s model.StepRecord) bool { return s.SetsResult && s.Status.Done() }) {
		r.data.Result = nil
	}
	r.changes.document, r.changes.checkpoints = true, renamed
	r.startWorkTime()
	return nil
}

// makeContext calls the host's function that makes the context of the job's steps.
func (r *run) makeContext(handler Handler, data model.Data) error {
	base := r.ctx
	if plan.UndoesOnCancel(data) || len(plan.AwaitedChildren(data)) > 0 {
		base = r.life // the handler works in this context also after a cancel
	}
	made, err := handler.Context(base, r.job)
	if err != nil {
		return err
	}
	if made == nil {
		return errors.New("the context factory returned nil")
	}
	// The new context carries values; the run decides when it ends.
	var cancel context.CancelCauseFunc
	ctx := r.ctx
	made, cancel = context.WithCancelCause(made)
	context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	r.ctx = made
	return nil
}

// track returns the progress tracker of a plan, with the steps done that are recorded as
// done.
func (r *run) track(p *plan.Plan, records []model.StepRecord) (*progress.Tracker, error) {
	tracker, err := newTracker(p, records, r.History.Known(r.job.Type))
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if record.Status.Done() {
			tracker.Restore(record.Name)
		}
	}
	return tracker, nil
}

// perform runs the steps that are not done: one after the other, and the members of a group
// at the same time.
func (r *run) perform() ending {
	begun := -1 // the step that is marked as running already
	for i := 0; i < len(r.plan.Steps); {
		stageEnd := r.plan.StageEnd(i)
		if r.stageDone(i, stageEnd) {
			i = stageEnd
			continue
		}
		decided, err := r.decided(), r.interruption()
		if begun == i && (decided || err != nil) {
			r.edit(func() { r.unbegin(i) })
		}
		switch {
		case decided:
			return ending{status: model.Succeeded}
		case err != nil:
			return r.beforeStep(i, err)
		}
		var e *ending
		if r.plan.Steps[i].Group != nil {
			e = r.performGroup(i, stageEnd)
		} else {
			begun, e = r.performStep(i, begun == i)
		}
		if e != nil {
			return *e
		}
		i = stageEnd
	}
	return r.success(r.lastOutput())
}

// lastOutput returns the recorded output of the last step, nil if it has none.
func (r *run) lastOutput() json.RawMessage {
	last := r.record(len(r.plan.Steps) - 1)
	if last.Status != model.StepCompleted {
		return nil
	}
	return last.Output
}
