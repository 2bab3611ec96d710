package progress

import (
	"math"
	"time"
)

// estimate returns the remaining time at the time that readClock read last: the median, and
// the time that it exceeds in one of ten runs, 0 if that is not known.
func (t *Tracker) estimate() (left, p90 time.Duration, source ETASource) {
	if t.notDone == 0 {
		source = SourceObserved
		if len(t.history) > 0 {
			source = SourceHistory
		}
		return 0, 0, source
	}
	if t.hasOutlook() {
		return t.estimateByHistory()
	}
	if left, source, ok := t.estimateByReports(); ok {
		return left, 0, source
	}
	left, source = t.estimateByRate()
	return left, 0, source
}

// observation is what this run shows about the pace of its phases.
type observation struct {
	took   float64 // time, in nanoseconds
	usual  float64 // the time that the same work takes at the usual pace
	within float64 // sum of the variances of took by the phases' own spread
	noise  float64 // sum of its variances by the noise within phases
}

// observe returns what a phase shows about its own pace, and whether it shows anything.
func (t *Tracker) observe(i int) (observation, bool) {
	p, expected := &t.phases[i], &t.outlook.phases[i]
	const least = 1e-9 // of a phase: less than that shows nothing
	did, took := p.fraction-p.beganFraction, float64(p.advancedAt-p.beganAt)
	if !p.began || did < least || took <= 0 || p.reports == 0 && (expected.silent || p.state != done) {
		return observation{}, false
	}
	usual := expected.time * did
	persistent, noise := t.spreadOf(i)
	return observation{took: took, usual: usual, within: sq(usual) * persistent, noise: sq(usual) * noise / did}, true
}

// spreadOf divides the spread of a phase's time, apart from the run's pace: into the part that
// lasts for the whole phase, and so will go on, and the noise within it, which will not.
func (t *Tracker) spreadOf(i int) (persistent, noise float64) {
	const assumed = 2 // parts that the assumption counts for, which is that all is noise
	all := t.outlook.phases[i].within
	found, n := t.phases[i].pace.noise()
	noise = (found*float64(n) + assumed*all) / float64(n+assumed)
	return max(all-noise, all/16), noise
}

// credibility returns how much of a deviation from the usual is to be believed, by its
// variance and that of its error, and the variance that it leaves. Both spreads are estimates
// themselves, from a few runs: a deviation that they do not explain shows that they are larger.
func credibility(deviation, variance, persistent, noise float64, runs int) (z, left float64) {
	surprise := sq(deviation) / (variance + persistent + noise)
	scale := max(1, (float64(runs)+surprise)/(float64(runs)+1))
	z = variance * scale / ((variance+persistent)*scale + noise)
	return z, min(widest, (1-z)*variance*scale)
}

// estimateByHistory adds up the remaining times of the phases: what is usual for them, at the
// pace of this run as far as that is credible.
func (t *Tracker) estimateByHistory() (left, p90 time.Duration, source ETASource) {
	o := t.outlook
	var all observation
	for i := range t.phases {
		if seen, ok := t.observe(i); ok {
			all.took, all.usual = all.took+seen.took, all.usual+seen.usual
			all.within, all.noise = all.within+seen.within, all.noise+seen.noise
		}
	}
	run := belief{variance: o.between}
	if all.usual > 0 {
		deviation := math.Log(all.took / all.usual)
		run.z, run.variance = credibility(deviation, o.between, all.within/sq(all.usual), all.noise/sq(all.usual), o.runs)
		run.pace = run.z * deviation
	}
	var sum forecast
	for from, to := range t.stages {
		var stage parallelForecast
		for i := from; i < to; i++ {
			if t.phases[i].state != done {
				stage.add(t.forecast(i, run), t.phases[i].maxParallel)
			}
		}
		sum.then(stage.total())
	}
	left = toDuration(sum.time)
	switch {
	case sum.reported > sum.time/2:
		return left, 0, SourceReported
	case sum.own > sum.time/2:
		source = SourceObserved
	default:
		source = SourceHistory
	}
	if o.runs >= runsForRange {
		p90 = toDuration(sum.p90(run))
	}
	return left, p90, source
}

// runsForRange is how many earlier runs it takes to say how much the time varies.
const runsForRange = 3

// belief is how the pace of a run, or of a phase, differs from the usual, as a logarithm: the
// estimate, its variance, and the credibility of what it was estimated from.
type belief struct{ pace, variance, z float64 }

// ofPhase returns the belief about the pace of an open phase, given that about the run's.
func (t *Tracker) ofPhase(i int, run belief) belief {
	persistent, noise := t.spreadOf(i)
	seen, ok := t.observe(i)
	if !ok {
		return belief{run.pace, persistent, run.z}
	}
	deviation := math.Log(seen.took/seen.usual) - run.pace
	z, left := credibility(deviation, persistent, 0, noise/(t.phases[i].fraction-t.phases[i].beganFraction), t.outlook.runs)
	return belief{run.pace + z*deviation, left, z + (1-z)*run.z}
}

// forecast estimates the remaining time of a phase that is not done.
func (t *Tracker) forecast(i int, run belief) forecast {
	p, expected := &t.phases[i], &t.outlook.phases[i]
	if remaining, ok := t.reportedRemaining(p); ok {
		return forecast{time: remaining, reported: remaining}
	}
	paced := p.reports > 0 || !expected.silent
	rest := expected.time * (1 - p.fraction)
	switch {
	case p.state == open && paced:
		return t.forecastOpen(i, t.ofPhase(i, run))
	case p.state == open:
		return lasting(rest, expected.within, float64(t.elapsed-p.advancedAt), t.outlook.runs)
	case paced:
		rest *= math.Exp(run.pace)
		f := lasting(rest, expected.within, 0, t.outlook.runs)
		f.own, f.paced = rest*run.z, rest
		return f
	default:
		return lasting(rest, expected.within, 0, t.outlook.runs)
	}
}

// forecastOpen estimates the remaining time of an open phase that shares the run's pace. Only
// what it does until its next report can be overdue.
func (t *Tracker) forecastOpen(i int, own belief) forecast {
	p, whole := &t.phases[i], t.outlook.phases[i].time*math.Exp(own.pace)
	_, noise := t.spreadOf(i)
	rest := 1 - p.fraction
	next := rest
	if p.reports > 0 {
		next = min(rest, (p.fraction-p.beganFraction)/float64(p.reports))
	}
	variance := func(part float64) float64 { return own.variance + math.Log1p(noise/part) }
	f := lasting(whole*next, variance(next), float64(t.elapsed-p.advancedAt), t.outlook.runs)
	if later := rest - next; later > 0 {
		f.then(lasting(whole*later, variance(later), 0, t.outlook.runs))
	}
	f.own, f.paced = f.time*own.z, f.time
	return f
}

// estimateByReports adds up the remaining times that the phases have reported. It needs one of
// each phase that is not done: otherwise the sum would be too small.
func (t *Tracker) estimateByReports() (time.Duration, ETASource, bool) {
	var left float64
	for from, to := range t.stages {
		var all parallelForecast
		for i := from; i < to; i++ {
			p := &t.phases[i]
			if p.state == done {
				continue
			}
			remaining, ok := t.reportedRemaining(p)
			if !ok {
				return 0, "", false
			}
			all.add(forecast{time: remaining}, p.maxParallel)
		}
		left += all.total().time
	}
	return toDuration(left), SourceReported, true
}

// estimateByRate applies this run's speed to the remaining weight. The speed excludes what an
// earlier run completed, and the time since the last progress, which may be the begin of a
// long silence. For a phase with a reported remaining time it counts that time and the phase's
// whole weight.
func (t *Tracker) estimateByRate() (time.Duration, ETASource) {
	var weightDone, weightLeft, reported float64
	for from, to := range t.stages {
		var reporting parallelForecast
		for i := from; i < to; i++ {
			p := &t.phases[i]
			weightDone += p.weight * (p.fraction - p.restoredFraction)
			rest := p.weight * (1 - p.fraction)
			if remaining, ok := t.reportedRemaining(p); ok {
				reporting.add(forecast{time: remaining}, p.maxParallel)
				weightDone += rest // after the reported time
			} else {
				weightLeft += rest
			}
		}
		reported += reporting.total().time
	}
	took, silence := float64(t.elapsed)+reported, 0.0
	if reported == 0 {
		took, silence = float64(t.advancedAt), float64(t.elapsed-t.advancedAt)
	}
	if weightDone <= 0 || took <= 0 {
		return 0, SourceUnknown
	}
	others := took * (weightLeft / weightDone)
	next := min(others, took/float64(max(1, t.advances)))
	others += lasting(next, sq(weightSpread), silence, 1).time - next
	if reported > others {
		return toDuration(reported + others), SourceReported
	}
	return toDuration(reported + others), SourceObserved
}

// reportedRemaining returns the remaining time that was reported for an open
// phase, in nanoseconds, minus the time since then. It is false if nothing was
// reported or nothing of it is left.
func (t *Tracker) reportedRemaining(p *trackedPhase) (float64, bool) {
	left := p.reportedLeft - (t.elapsed - p.reportedAt)
	return float64(left), p.state == open && p.reportedLeft >= 0 && left > 0
}

// stages yields the phases in order, as a range of indexes: those of a group together, each
// other phase by itself.
func (t *Tracker) stages(yield func(from, to int) bool) {
	for i := 0; i < len(t.phases); {
		end := i + 1
		for group := t.phases[i].group; group != "" && end < len(t.phases) && t.phases[end].group == group; {
			end++
		}
		if !yield(i, end) {
			return
		}
		i = end
	}
}

// toDuration rounds ns to a duration. It returns the longest duration if ns
// exceeds that.
func toDuration(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}
