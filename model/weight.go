package model

import "math"

// weighted is a step with its weight, recorded ([StepRecord]) or shown ([StepView]).
type weighted interface {
	weigh() (weight float64, done bool)
}

func (r StepRecord) weigh() (weight float64, done bool) { return r.Weight, r.Status.Done() }
func (v StepView) weigh() (weight float64, done bool)   { return v.Weight, v.Status.Done() }

// Weigh returns the sum of the weights of the steps that are done (completed or
// skipped), and of all steps. The steps are [StepRecord] or [StepView] values.
func Weigh[S weighted](steps []S) (done, total float64) {
	for _, step := range steps {
		weight, isDone := step.weigh()
		total += weight
		if isDone {
			done += weight
		}
	}
	return done, total
}

// WeightedShare returns the share of a job's work that is done, by its steps'
// weights: 0 to 1, and 0 without steps.
func WeightedShare[S weighted](steps []S) float64 {
	done, total := Weigh(steps)
	if total == 0 || math.IsInf(total, 0) || math.IsNaN(total) { // no definition has such weights
		return 0
	}
	return done / total
}
