package worker

import (
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps"
)

// track makes the tracker of a plan whose steps are as far as their records and
// their checkpoints tell.
func (r *run) track(plan *steps.Plan, records []model.StepRecord, cursors model.Cursors) (*progress.Tracker, error) {
	phases := make([]progress.Phase, len(records))
	for i, record := range records {
		phases[i] = progress.Phase{Name: record.Name, Weight: record.Weight}
		if group := plan.Steps[i].Group; group != nil {
			phases[i].Group, phases[i].Limit = record.Group, group.Limit
		}
	}
	tracker, err := progress.New(phases, progress.History(r.worker.history.of(r.job.Type)))
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if record.Status.Done() {
			tracker.Restore(record.Name)
		}
	}
	restoreParts(tracker, records, cursors, r.job.Progress)
	return tracker, nil
}

// restoreParts counts what the steps under way had done by their checkpoints: that
// is no part of this run's speed. How far each was is not recorded, but how far all
// were together.
func restoreParts(tracker *progress.Tracker, records []model.StepRecord, cursors model.Cursors, share float64) {
	var all, done, under float64
	for _, record := range records {
		all += record.Weight
		switch _, ok := cursors[record.Name]; {
		case record.Status.Done():
			done += record.Weight
		case ok:
			under += record.Weight
		}
	}
	if under == 0 {
		return
	}
	for _, record := range records {
		if _, ok := cursors[record.Name]; ok && !record.Status.Done() {
			tracker.RestorePart(record.Name, (share*all-done)/under)
		}
	}
}
