package worker

import (
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps"
)

// track makes the tracker of a plan whose steps are as far as their records tell.
func (r *run) track(plan *steps.Plan, records []model.StepRecord) (*progress.Tracker, error) {
	phases := make([]progress.Phase, len(records))
	for i, record := range records {
		phases[i] = progress.Phase{Name: record.Name, Weight: record.Weight}
		if group := plan.Steps[i].Group; group != nil {
			phases[i].Group, phases[i].MaxParallel = record.Group, group.MaxParallel
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
	return tracker, nil
}
