package progress

import (
	"math"
	"slices"
	"time"
)

// The spreads that are assumed until history shows them, as standard deviations of a
// logarithm. They count as much as assumedRuns earlier runs.
const (
	assumedRuns    = 0.5
	assumedBetween = 0.3 // between runs
	assumedWithin  = 0.1 // between the phases of a run
	weightSpread   = 0.5 // of a phase without history, whose time is guessed from its weight
)

// widest is the largest variance of a logarithm that is used: at that, one of ten times is 600
// times as long as usual.
const widest = 25

// outlook is what history says about this run, given what is known of its sizes.
type outlook struct {
	phases  []expectation
	paces   []float64 // of the earlier runs, as logarithms
	between float64   // variance of the logarithm of a run's pace
	runs    int       // earlier runs
}

// expectation is what history says about a phase.
type expectation struct {
	time   float64 // that it takes at the usual pace, in nanoseconds
	within float64 // variance of the logarithm of its time, apart from the run's pace
	silent bool    // it usually reports nothing, and so does not share the run's pace
	known  bool    // it has a history; otherwise time is guessed from its weight
}

// runOfPhase is the sample of a phase in an earlier run, in logarithms.
type runOfPhase struct {
	run            int
	duration, size float64 // size is NaN if it is not known
	silent         bool
}

// newOutlook returns what history says, nil if it knows none of the phases.
func newOutlook(phases []trackedPhase, history []Samples) *outlook {
	o := &outlook{phases: make([]expectation, len(phases)), runs: len(history), paces: make([]float64, len(history))}
	seen := make([][]runOfPhase, len(phases))
	any := false
	for i := range phases {
		seen[i] = samplesOf(phases[i].name, history)
		any = any || len(seen[i]) > 0
	}
	if !any {
		return nil
	}
	jobSize, jobSizes := commonSize(phases, seen, len(history))
	fits := make([]fit, len(phases))
	for i := range phases {
		if len(seen[i]) > 0 {
			fits[i] = newFit(&phases[i], seen[i], jobSize, jobSizes)
			o.phases[i] = expectation{time: math.Exp(fits[i].now), silent: mostlySilent(seen[i]), known: true}
		}
	}
	o.alignWithRuns(fits, seen)
	o.spread(fits, seen)
	o.guessOthers(phases)
	return o
}

func samplesOf(name string, history []Samples) (out []runOfPhase) {
	for run, samples := range history {
		sample, ok := samples[name]
		if !ok || sample.Duration < 0 {
			continue
		}
		size := math.NaN()
		if validWeight(sample.Size) {
			size = math.Log(sample.Size)
		}
		out = append(out, runOfPhase{run, math.Log(float64(max(sample.Duration, time.Millisecond))), size, sample.Silent})
	}
	return out
}

func mostlySilent(seen []runOfPhase) bool {
	n := 0
	for _, s := range seen {
		if s.silent {
			n++
		}
	}
	return 2*n > len(seen)
}

// commonSize returns how large this run is by the sizes that are known of it, and how large
// the earlier ones were by the same sizes: the mean of the logarithms of the sizes, relative
// to the usual ones. It is NaN where nothing is known.
func commonSize(phases []trackedPhase, seen [][]runOfPhase, runs int) (now float64, before []float64) {
	var mean average
	earlier := make([]average, runs)
	for i := range phases {
		usually := usual(seen[i], func(s runOfPhase) float64 { return s.size })
		if phases[i].size <= 0 || math.IsNaN(usually) {
			continue
		}
		mean.add(math.Log(phases[i].size) - usually)
		for _, s := range seen[i] {
			earlier[s.run].add(s.size - usually)
		}
	}
	before = make([]float64, runs)
	for k := range before {
		before[k] = earlier[k].value()
	}
	return mean.value(), before
}

// fit is how the time of a phase depends on what is known of its size.
type fit struct {
	now    float64   // logarithm of the time that is expected in this run
	before []float64 // the same for each of its earlier runs
}

// newFit returns how the time of a phase depends on its own size or, if that is not known in
// this run, on the run's.
func newFit(p *trackedPhase, seen []runOfPhase, jobSize float64, jobSizes []float64) fit {
	usualTime := usual(seen, func(s runOfPhase) float64 { return s.duration })
	usualSize := usual(seen, func(s runOfPhase) float64 { return s.size })
	now, prior := jobSize, 0.0
	size := func(s runOfPhase) float64 { return jobSizes[s.run] }
	switch {
	case p.size > 0 && !math.IsNaN(usualSize):
		now, prior = math.Log(p.size)-usualSize, 1
		size = func(s runOfPhase) float64 { return s.size - usualSize }
	case !math.IsNaN(usualSize):
		prior = 1 // it has sizes, which are like those of the other phases as far as is known
	}
	f := fit{now: usualTime, before: make([]float64, len(seen))}
	power := exponent(seen, usualTime, size, prior)
	if !math.IsNaN(now) {
		f.now = logDuration(f.now + power*now)
	}
	for k, s := range seen {
		f.before[k] = usualTime
		if x := size(s); !math.IsNaN(now) && !math.IsNaN(x) {
			f.before[k] = logDuration(usualTime + power*x)
		}
	}
	return f
}

// logDuration limits the logarithm of a time to that of what is a duration.
func logDuration(x float64) float64 { return min(max(x, 0), math.Log(math.MaxInt64)) }

// exponent returns to which power of its size the time of a phase grows: prior, unless the
// earlier runs show otherwise. It is a ridge regression of the logarithms: the prior counts as
// much as one run that is 2.7 times as large as usual.
func exponent(seen []runOfPhase, usual float64, size func(runOfPhase) float64, prior float64) float64 {
	products, squares := prior, 1.0
	for _, s := range seen {
		if x := size(s); !math.IsNaN(x) {
			products += x * (s.duration - usual)
			squares += x * x
		}
	}
	return min(2, max(0, products/squares))
}

// findPaces finds out the pace of each earlier run: the logarithm of its time, relative to
// what its phases usually take. It is NaN for a run without a phase that shares its pace.
func (o *outlook) findPaces(fits []fit, seen [][]runOfPhase) {
	took, usual := make([]float64, o.runs), make([]float64, o.runs)
	for i, phase := range o.phases {
		for k, s := range seen[i] {
			if !phase.silent {
				took[s.run] += math.Exp(s.duration)
				usual[s.run] += math.Exp(fits[i].before[k])
			}
		}
	}
	for k := range took {
		o.paces[k] = math.Log(took[k] / usual[k]) // NaN for 0/0
	}
}

// alignWithRuns improves what is usual for the phases that share the pace of a run: what is
// left once the pace of each run is taken out varies less.
func (o *outlook) alignWithRuns(fits []fit, seen [][]runOfPhase) {
	o.findPaces(fits, seen)
	usualPace := middle(slices.Clone(o.paces))
	for i := range o.phases {
		phase := &o.phases[i]
		if !phase.known || phase.silent {
			continue
		}
		rests := make([]float64, len(seen[i]))
		for k, s := range seen[i] {
			rests[k] = s.duration - fits[i].before[k] - o.paces[s.run]
		}
		shift := middle(rests) + usualPace
		phase.time = math.Exp(logDuration(fits[i].now + shift))
		for k := range seen[i] {
			fits[i].before[k] = logDuration(fits[i].before[k] + shift)
		}
	}
	o.findPaces(fits, seen)
}

// spread finds out how much the pace of runs differs, and the time of each phase apart from
// that.
func (o *outlook) spread(fits []fit, seen [][]runOfPhase) {
	paces, squares := 0, 0.0
	for _, pace := range o.paces {
		if !math.IsNaN(pace) {
			squares += sq(pace)
			paces++
		}
	}
	var error, all float64 // what the phases' own spread contributes to that
	for i := range o.phases {
		phase := &o.phases[i]
		if !phase.known {
			continue
		}
		within := 0.0
		for k, s := range seen[i] {
			pace := 0.0
			if !phase.silent {
				pace = o.paces[s.run]
			}
			within += sq(s.duration - fits[i].before[k] - pace)
		}
		phase.within = variance(within, len(seen[i]), assumedWithin)
		if !phase.silent {
			error += sq(phase.time) * phase.within
			all += phase.time
		}
	}
	o.between = variance(squares, paces, assumedBetween)
	if paces > 1 && all > 0 {
		o.between = max(o.between/4, o.between-error/sq(all))
	}
}

// variance returns the variance of n values from the sum of the squares of their distances to
// their mean, and the spread that was assumed before.
func variance(squares float64, n int, assumed float64) float64 {
	return min(widest, (squares+assumedRuns*sq(assumed))/(max(0, float64(n-1))+assumedRuns))
}

// guessOthers guesses the times of the phases without history from their weights.
func (o *outlook) guessOthers(phases []trackedPhase) {
	var time, weight float64
	for i, phase := range o.phases {
		if phase.known {
			time, weight = time+phase.time, weight+phases[i].weight
		}
	}
	for i := range o.phases {
		if phase := &o.phases[i]; !phase.known {
			phase.time, phase.within = phases[i].weight*time/weight, weightSpread*weightSpread
		}
	}
}

// average is the mean of some numbers.
type average struct {
	sum float64
	n   int
}

func (a *average) add(x float64) {
	if !math.IsNaN(x) {
		a.sum, a.n = a.sum+x, a.n+1
	}
}

// value returns the mean, NaN if there are no numbers.
func (a *average) value() float64 { return a.sum / float64(a.n) }

// usual returns the middle of a value of the samples that have it, NaN if none has.
func usual(seen []runOfPhase, of func(runOfPhase) float64) float64 {
	values := make([]float64, len(seen))
	for i, s := range seen {
		values[i] = of(s)
	}
	return middle(values)
}

// middle returns the mean of the middle half of the values that are not NaN, NaN if there are
// none. It orders the values. It is more certain than the median, and as safe from single
// values that are far off.
func middle(values []float64) float64 {
	values = slices.DeleteFunc(values, math.IsNaN)
	slices.Sort(values)
	cut := (len(values) + 1) / 4
	var mean average
	for _, x := range values[cut : len(values)-cut] {
		mean.add(x)
	}
	return mean.value()
}

func sq(x float64) float64 { return x * x }
