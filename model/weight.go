package model

import "math"

// weighted is a step as far as its share of the job's work goes.
type weighted interface {
	weigh() (weight float64, done bool)
}

func (r StepRecord) weigh() (weight float64, done bool) { return r.Weight, r.Status.Done() }
func (v StepView) weigh() (weight float64, done bool)   { return v.Weight, v.Status.Done() }

// Weigh returns the weights of the steps that are done, and of all of them, summed up.
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

// WeightedShare returns the part of a job's work, by its steps' weights, that is
// recorded as done: 0 to 1, and 0 without steps.
func WeightedShare[S weighted](steps []S) float64 {
	done, total := Weigh(steps)
	if total == 0 || math.IsInf(total, 0) || math.IsNaN(total) { // no definition has such weights
		return 0
	}
	return done / total
}
