package execution

import (
	"encoding/json"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// state is what a run's row will contain. The run's lock guards it: all methods are called
// with it held.
type state struct {
	limits plan.Limits
	clock  clock
	plan   *plan.Plan // nil until the run has made it

	data model.Data
	// before holds the records of steps from before they began.
	before map[int]model.StepRecord
	// signs holds the signs of progress of the steps that run.
	signs map[int]*signs
	// checkpoints are the last checkpoints of the steps that have begun.
	checkpoints model.Checkpoints
	changes     changes
	sent        changes // the changes in the write in flight

	message       message
	tracker       *progress.Tracker // nil until there is a plan
	leastProgress float64           // the progress that people have seen already
	reported      report            // the progress written last
	estimated     bool              // whether a step has reported its remaining time since then

	end       model.Status // empty until the run ends
	err       string
	wake      wake
	leftUntil model.Time
	freesType bool
	// knowsDecision says that the end takes the job's decision into account.
	knowsDecision bool
}

// report is the progress in the row.
type report struct {
	fraction float64
	message  string
}

func newState(j *model.Job, limits plan.Limits, clock clock) state {
	return state{
		limits: limits, clock: clock, changes: newChanges(), sent: newChanges(), before: make(map[int]model.StepRecord), signs: make(map[int]*signs),
		message: textMessage(j.Message), leastProgress: j.Progress, reported: report{fraction: j.Progress, message: j.Message},
	}
}

// begin marks a step as running.
func (s *state) begin(i int) {
	s.before[i] = s.data.Steps[i]
	if plan.Begin(&s.data, i, s.clock.now()) {
		s.changes.document = true
	}
	s.began(i)
}

// beginWait marks a step as waiting until a time. Once the time is recorded, it does not
// change.
func (s *state) beginWait(i int, until model.Time) {
	s.before[i] = s.data.Steps[i]
	if plan.BeginWait(&s.data, i, s.clock.now(), until) {
		s.changes.document = true
	}
	s.began(i)
}

func (s *state) began(i int) {
	s.changes.record(i)
	s.message = message{}
	s.signs[i] = newSigns()
	_ = s.tracker.Start(s.data.Steps[i].Name) // cannot fail: the phases are the steps
}

// unbegin restores the record of a step that was marked as running but did not run.
func (s *state) unbegin(i int) {
	s.data.Steps[i] = s.before[i]
	s.changes.records[i] = true
	delete(s.signs, i)
}

// complete marks a step as completed.
func (s *state) complete(i int, output json.RawMessage) {
	s.recordCompletion(i, output)
	s.done(i)
}

// recordCompletion is the part of complete that can be rolled back.
func (s *state) recordCompletion(i int, output json.RawMessage) {
	record := &s.data.Steps[i]
	s.plan.Steps[i].Complete(record, output, s.clock.now())
	if sample, ok := s.tracker.Sample(record.Name); ok {
		record.Size, record.Reports = sample.Size, !sample.Silent
	}
	if signs := s.signs[i]; signs != nil {
		record.SilenceMS = shown(signs.longestSilence())
	}
	s.changes.record(i)
}

// shown returns the silence that a record has: none below a second, since nothing depends on
// how much less it is.
func shown(silence time.Duration) int64 {
	if silence < time.Second {
		return 0
	}
	return silence.Milliseconds()
}

// done marks a step as done in the progress tracker, and drops its checkpoint.
func (s *state) done(i int) {
	delete(s.signs, i)
	s.tracker.Done(s.data.Steps[i].Name)
	s.dropCheckpoint(i)
}

func (s *state) dropCheckpoint(i int) {
	if name := s.data.Steps[i].Name; s.checkpoints[name] != nil {
		delete(s.checkpoints, name)
		s.changes.checkpoints = true
	}
}

// skip marks a step as skipped.
func (s *state) skip(i int, why string) {
	plan.Skip(&s.data.Steps[i], s.cut(why), s.clock.now())
	s.changes.record(i)
	s.done(i)
}

// skipRest records the remaining steps as skipped after the decision that the job has
// succeeded.
func (s *state) skipRest() {
	for _, i := range plan.SkipRest(s.data.Steps) {
		s.changes.records[i] = true
		if s.tracker != nil {
			s.tracker.Done(s.data.Steps[i].Name)
		}
	}
}

// setResult sets the job's result.
func (s *state) setResult(result json.RawMessage) {
	s.data.Result, s.changes.result = result, true
}

// cut is text as a record holds an error.
func (s *state) cut(text string) string { return s.limits.CutError(&s.data, text) }

// sizeWith returns the approximate size of the document with n more bytes. If that would be
// too large, it drops history.
func (s *state) sizeWith(n int) int {
	size, dropped := s.limits.SizeWith(&s.data, n)
	s.changes.document = s.changes.document || dropped
	return size
}

// keepOutput returns an output as it is recorded, or why it cannot be.
func (s *state) keepOutput(output json.RawMessage) (json.RawMessage, error) {
	kept, dropped, err := s.limits.KeepOutput(&s.data, output)
	s.changes.document = s.changes.document || dropped
	return kept, err
}

// keepResult returns a result as it is recorded, or why it cannot be.
func (s *state) keepResult(result json.RawMessage) (json.RawMessage, error) {
	kept, dropped, err := s.limits.KeepResult(&s.data, result)
	s.changes.document = s.changes.document || dropped
	return kept, err
}

// update returns the progress now, and the tracker's whole update.
func (s *state) update() (report, progress.Update) {
	u := report{fraction: s.leastProgress, message: s.message.render(s.limits.Message)}
	if s.tracker == nil {
		return u, progress.Update{Source: progress.SourceUnknown}
	}
	now := s.tracker.Snapshot()
	u.fraction = max(u.fraction, now.Fraction)
	return u, now
}

// remaining returns the estimate and the end of its range in milliseconds, nil if there is
// none, and what it is based on.
func (s *state) remaining(now progress.Update) (left, p90 *int64, source progress.ETASource) {
	if now.Source == progress.SourceUnknown || s.end != "" || s.data.Undoing != nil || s.stalled() {
		return nil, nil, ""
	}
	ms := now.Remaining.Milliseconds()
	if now.RemainingP90 > 0 {
		most := now.RemainingP90.Milliseconds()
		p90 = &most
	}
	return &ms, p90, now.Source
}

// stalled reports whether a running step is stalled: nothing is known then of the time left.
func (s *state) stalled() bool {
	for i := range s.signs {
		if !s.data.Steps[i].StalledAt.IsZero() {
			return true
		}
	}
	return false
}

// lookForStalls finds the running steps that have begun to stall, and those that continue.
func (s *state) lookForStalls(usual Typical) (begun map[int]time.Duration, changed bool) {
	for i, signs := range s.signs {
		record := &s.data.Steps[i]
		silence, isStalled := signs.look(), !record.StalledAt.IsZero()
		switch {
		case silence == 0 && isStalled:
			record.StalledAt, s.changes.records[i], changed = model.Time{}, true, true
		case record.Status == model.StepRunning && !isStalled && silence > usual.stallAfter(record.Name):
			if begun == nil {
				begun = make(map[int]time.Duration)
			}
			record.StalledAt, s.changes.records[i], changed = s.clock.now(), true, true
			begun[i] = silence
		}
	}
	return begun, changed
}

// progressed reports whether there is progress to write, for which no goroutine waits.
func (s *state) progressed() bool {
	u, _ := s.update()
	return s.changes.progress || s.estimated || u != s.reported
}

// snapshot returns the changes as a write, and marks them as sent.
func (s *state) snapshot(signals model.Signals) store.Write {
	u, now := s.update()
	remaining, p90, source := s.remaining(now)
	progressed := s.changes.progress || u != s.reported
	s.sent = s.changes.pop()
	write := store.Write{
		Progress: u.fraction, Message: u.message, TimeToCompleteMS: remaining, TimeToCompleteP90MS: p90, TimeToCompleteSource: string(source),
		Progressed:     progressed,
		SetCheckpoints: s.sent.checkpoints,
		End:            s.end, Error: s.err, OnCancel: s.onCancel(), Decided: s.knowsDecision,
		LeftUntil: s.leftUntil, FreesType: s.freesType,
		WakeAt: s.wake.at, Signals: s.wake.seenSignals(signals), Children: s.wake.children,
	}
	if s.sent.checkpoints {
		write.Checkpoints = must(s.checkpoints.JSON())
	}
	s.addDocument(&write)
	s.reported, s.estimated = u, false
	return write
}

// onCancel returns what the database does if it finds a cancel request when the run ends in
// another way.
func (s *state) onCancel() store.OnCancel {
	switch {
	case s.wake.cancelled:
		return store.CancelWaits
	case plan.UndoesOnCancel(s.data) || s.end == model.Scheduled && len(plan.AwaitedChildren(s.data)) > 0:
		return store.CancelDue
	default:
		return store.CancelEnds
	}
}

// maxPatches is the largest number of changed records that are written one by one. If more
// have changed, the whole list is written.
const maxPatches = 3

// addDocument adds the changes in the document to the write.
func (s *state) addDocument(write *store.Write) {
	patch := func(key string, index int, value json.RawMessage) {
		write.Patches = append(write.Patches, store.Patch{Path: store.Path{Key: key, Index: index}, Value: value})
	}
	switch {
	case s.sent.document:
		write.Document = must(s.data.JSON())
		return
	case len(s.sent.records) > maxPatches:
		patch("steps", -1, must(json.Marshal(s.data.Steps)))
	default:
		for i := range s.data.Steps {
			if s.sent.records[i] {
				patch("steps", i, must(s.data.Steps[i].JSON()))
			}
		}
	}
	if s.sent.plan {
		patch("plan", -1, must(json.Marshal(s.data.Plan)))
	}
	if s.sent.result {
		patch("result", -1, s.data.Result)
	}
}

// must is for encoding parts of the document, which cannot fail: all raw JSON in them was
// checked before.
func must(raw json.RawMessage, err error) json.RawMessage {
	if err != nil {
		panic(err)
	}
	return raw
}
