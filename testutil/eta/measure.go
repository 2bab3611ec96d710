package eta

import (
	"math"
	"slices"
	"time"
)

// Marks are the shares of the true time at which errors are measured.
var Marks = []float64{0.10, 0.25, 0.50, 0.75, 0.90}

// Method is one way to estimate, by its name.
type Method struct {
	Name string
	New  func(j Job, earlier []Job, known Known) Estimator
}

// The methods of the table. Product is that of package progress, and Medians needs a history.
var (
	Linear  = Method{"linear", func(j Job, _ []Job, _ Known) Estimator { return NewLinear(j) }}
	Medians = Method{"history", func(j Job, earlier []Job, _ Known) Estimator { return NewMedians(j, earlier) }}
	TQDM    = Method{"tqdm", func(j Job, _ []Job, _ Known) Estimator { return NewTQDM(j) }}
	MPB     = Method{"mpb", func(j Job, _ []Job, _ Known) Estimator { return NewMPB(j) }}
	Product = Method{"progress", NewProduct}
)

// Methods are all of them, in the order of the table.
var Methods = []Method{Linear, TQDM, MPB, Medians, Product}

// Run is a job with those before it, of which the estimators know.
type Run struct {
	Job     Job
	Earlier []Job
	Known   Known
}

// Runs makes that many runs of the case.
func (c Case) Runs(n int) []Run {
	runs := make([]Run, n)
	for i := range runs {
		first := uint64(i * (c.Earlier + 1)) //nolint:gosec // it is not negative
		for k := range c.Earlier {
			runs[i].Earlier = append(runs[i].Earlier, c.Job(first+1+uint64(k)))
		}
		runs[i].Job, runs[i].Known = c.Job(first), c.Known
	}
	return runs
}

// Errors returns the median of the absolute relative error of a method at each of the Marks.
// No estimate counts as an error of one.
func Errors(runs []Run, m Method) []float64 {
	all := make([][]float64, len(Marks))
	for _, run := range runs {
		total := run.Job.Total()
		looks := make([]time.Duration, len(Marks))
		for i, mark := range Marks {
			looks[i] = time.Duration(mark * float64(total))
		}
		e, n := m.New(run.Job, run.Earlier, run.Known), 0
		run.Job.Run(e, looks, func(at time.Duration) {
			all[n] = append(all[n], relativeError(e, at, total-at))
			n++
		})
	}
	out := make([]float64, len(Marks))
	for i := range all {
		slices.Sort(all[i])
		out[i] = all[i][len(all[i])/2]
	}
	return out
}

func relativeError(e Estimator, at, truth time.Duration) float64 {
	left, ok := e.Remaining(at)
	if !ok {
		return 1
	}
	return math.Abs(float64(left-truth)) / float64(truth)
}

// Looks is what a person sees who looks at jobs, a hundred times at each.
type Looks struct {
	Looks  int
	Jumps  int // the remaining time changed by more than a fifth since the last look, apart from the time since
	Sudden int // the same, although the job went as evenly as before since the last look
	Tiny   int // less than a tenth of the true remaining time was shown
	Ranges int // a range was shown
	Within int // the true remaining time was within the 90th percentile
}

// LookAt looks at each run after each percent of its time, from the tenth to the last but one.
func LookAt(runs []Run, m Method) (all Looks) {
	const from, looks = 10, 100
	for _, run := range runs {
		total := run.Job.Total()
		var at []time.Duration
		for i := from; i < looks; i++ {
			at = append(at, total*time.Duration(i)/looks)
		}
		e := m.New(run.Job, run.Earlier, run.Known)
		var last, lastLeft time.Duration
		run.Job.Run(e, at, func(now time.Duration) {
			left, ok := e.Remaining(now)
			if !ok {
				return
			}
			all.Looks++
			if change := (now + left - last - lastLeft).Abs(); last > 0 && 5*change > max(left, lastLeft) {
				all.Jumps++
				if run.Job.even(last, now) {
					all.Sudden++
				}
			}
			if 10*left < total-now {
				all.Tiny++
			}
			if t, ok := e.(*tracked); ok {
				if p90 := t.P90(now); p90 > 0 {
					all.Ranges++
					if total-now <= p90 {
						all.Within++
					}
				}
			}
			last, lastLeft = now, left
		})
	}
	return all
}

// even reports whether a job did as much between two times, within a fifth, as it did before
// in as much time.
func (j Job) even(from, to time.Duration) bool {
	before := float64(j.Work(from)) / float64(from)
	now := float64(j.Work(to)-j.Work(from)) / float64(to-from)
	return math.Abs(now/before-1) <= 0.2
}
