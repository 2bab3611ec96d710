package execution

import (
	"context"
	"math"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// learnWeights sets the weights of the records to how long the steps took in the last jobs,
// if the plan says so. A job that has begun keeps those that it has: they are in before, its
// records until now.
func (r *run) learnWeights(p *plan.Plan, records, before []model.StepRecord) error {
	if !p.LearnWeights {
		return nil
	}
	if len(before) > 0 {
		keepWeights(records, before)
		return nil
	}
	ctx, cancel := context.WithTimeout(r.life, r.Owner.Lease/2)
	defer cancel()
	typical, err := r.History.Of(ctx, r.job.Type)
	if err != nil {
		r.Log.Warn("cannot read how long the steps of earlier jobs took; using the declared weights", r.with("error", err)...)
		return nil
	}
	tracker, err := newTracker(p, records, typical)
	if err != nil {
		return err
	}
	usual := make([]float64, len(records))
	for i, record := range records {
		d, ok := tracker.Usual(record.Name)
		if !ok {
			return nil
		}
		usual[i] = d.Seconds()
	}
	shareGroups(p, usual)
	setWeights(records, usual)
	return nil
}

// keepWeights sets the weights of the records to those that they had before.
func keepWeights(records, before []model.StepRecord) {
	known := make(map[string]float64, len(before))
	for _, record := range before {
		known[record.Name] = record.Weight
	}
	for i := range records {
		if weight, ok := known[records[i].Name]; ok && weight > 0 {
			records[i].Weight = weight
		}
	}
}

// shareGroups scales the times of steps that run at the same time, so that they add up to the
// time of their group.
func shareGroups(p *plan.Plan, usual []float64) {
	for i := 0; i < len(usual); {
		end := p.StageEnd(i)
		if group := p.Steps[i].Group; group != nil {
			longest, sum := 0.0, 0.0
			for _, one := range usual[i:end] {
				longest, sum = max(longest, one), sum+one
			}
			if group.MaxParallel > 0 {
				longest = max(longest, sum/float64(group.MaxParallel))
			}
			for k := i; k < end && sum > 0; k++ {
				usual[k] *= longest / sum
			}
		}
		i = end
	}
}

// setWeights sets the weights in proportion to the times. Their sum stays the same, so that a
// step which the definition adds later has a weight that fits.
func setWeights(records []model.StepRecord, usual []float64) {
	const digits = 10_000 // of the sum
	_, sum := model.Weigh(records)
	all := 0.0
	for _, one := range usual {
		all += one
	}
	for i := range records {
		share := math.Round(usual[i]/all*digits) / digits
		records[i].Weight = max(share, 1.0/digits) * sum
	}
}

// Forecast returns how long a job takes that has not begun or waits to continue, by how the
// last jobs of its type went; false if nothing is known of them. Without a plan, records alone
// say which steps it has, and nothing is known of their sizes.
func Forecast(p *plan.Plan, records []model.StepRecord, typical Typical) (time.Duration, bool) {
	if p == nil {
		p = &plan.Plan{Steps: make([]plan.Step, len(records))}
	}
	tracker, err := newTracker(p, records, typical)
	if err != nil {
		return 0, false
	}
	for _, record := range records {
		if record.Status.Done() {
			tracker.Restore(record.Name)
		}
	}
	u := tracker.Snapshot()
	return u.Remaining, u.Source != progress.SourceUnknown
}

// newTracker returns the progress tracker of a plan, without what is done.
func newTracker(p *plan.Plan, records []model.StepRecord, typical Typical) (*progress.Tracker, error) {
	phases := make([]progress.Phase, len(records))
	for i, record := range records {
		phases[i] = progress.Phase{Name: record.Name, Weight: record.Weight, Size: p.Steps[i].Size}
		if group := p.Steps[i].Group; group != nil {
			phases[i].Group, phases[i].MaxParallel = record.Group, group.MaxParallel
		}
	}
	return progress.New(phases, progress.History(typical.Runs...))
}
