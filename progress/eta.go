package progress

import (
	"math"
	"time"
)

// estimate returns the remaining time, and its source, at the time that
// readClock read last.
func (t *Tracker) estimate() (time.Duration, ETASource) {
	if left, source, ok := t.estimateByPhase(); ok {
		return left, source
	}
	if left, source, ok := t.estimateByRate(); ok {
		return left, source
	}
	return 0, SourceUnknown
}

// estimateByPhase adds up the remaining time of each phase, as reported or by
// its typical duration. It needs one of these for every phase that is not done:
// otherwise the sum would be too small.
func (t *Tracker) estimateByPhase() (time.Duration, ETASource, bool) {
	var left, reported float64
	for stage := range t.stages {
		var all, reporting parallelTime
		for i := range stage {
			p := &stage[i]
			if p.state == done {
				continue
			}
			remaining, ok := t.reportedRemaining(p)
			if ok {
				reporting.add(remaining, p.maxParallel)
			} else if remaining, ok = t.typicalRemaining(p); !ok {
				return 0, "", false
			}
			all.add(remaining, p.maxParallel)
		}
		left, reported = left+all.total(), reported+reporting.total()
	}
	switch {
	case reported > left/2:
		return toDuration(left), SourceReported, true
	case len(t.history) > 0:
		return toDuration(left), SourceHistory, true
	default: // all phases are done
		return 0, "", false
	}
}

// estimateByRate applies this run's speed to the remaining weight. The speed
// excludes what an earlier run completed. For a phase with a reported remaining
// time it counts that time and the phase's whole weight.
func (t *Tracker) estimateByRate() (time.Duration, ETASource, bool) {
	if t.notDone == 0 {
		return 0, SourceObserved, true
	}
	var weightDone, weightLeft, reported float64
	for stage := range t.stages {
		var reporting parallelTime
		for i := range stage {
			p := &stage[i]
			weightDone += p.weight * (p.fraction - p.restoredFraction)
			rest := p.weight * (1 - p.fraction)
			if remaining, ok := t.reportedRemaining(p); ok {
				reporting.add(remaining, p.maxParallel)
				weightDone += rest // after the reported time
			} else {
				weightLeft += rest
			}
		}
		reported += reporting.total()
	}
	took := float64(t.elapsed) + reported
	if weightDone <= 0 || took <= 0 {
		return 0, "", false
	}
	others := took * (weightLeft / weightDone)
	if reported > others {
		return toDuration(reported + others), SourceReported, true
	}
	return toDuration(reported + others), SourceObserved, true
}

// reportedRemaining returns the remaining time that was reported for an open
// phase, in nanoseconds, minus the time since then. It is false if nothing was
// reported or nothing of it is left.
func (t *Tracker) reportedRemaining(p *trackedPhase) (float64, bool) {
	left := p.reportedLeft - (t.elapsed - p.reportedAt)
	return float64(left), p.state == open && p.reportedLeft >= 0 && left > 0
}

// typicalRemaining returns the remaining time of a phase by its typical
// duration, in nanoseconds: that of the fraction not completed, minus the time
// since the phase last advanced, because it may report its progress rarely or
// never. It is false if the phase has no typical duration or takes longer.
func (t *Tracker) typicalRemaining(p *trackedPhase) (float64, bool) {
	typical, ok := t.history[p.name]
	if !ok || typical < 0 {
		return 0, false
	}
	left := float64(typical) * (1 - p.fraction)
	if p.state != open {
		return left, true
	}
	left -= float64(t.elapsed - p.advancedAt)
	return left, left >= 0
}

// stages yields the phases in order: those of a group together, each other phase
// by itself.
func (t *Tracker) stages(yield func([]trackedPhase) bool) {
	for i := 0; i < len(t.phases); {
		end := i + 1
		for group := t.phases[i].group; group != "" && end < len(t.phases) && t.phases[end].group == group; {
			end++
		}
		if !yield(t.phases[i:end]) {
			return
		}
		i = end
	}
}

// parallelTime computes how long phases take that run at the same time, in
// nanoseconds.
type parallelTime struct {
	longest, sum float64
	maxParallel  int
}

func (p *parallelTime) add(one float64, maxParallel int) {
	p.longest, p.sum, p.maxParallel = max(p.longest, one), p.sum+one, maxParallel
}

// total returns the time of the longest phase or, if maxParallel makes that
// longer, the sum divided by maxParallel.
func (p *parallelTime) total() float64 {
	if p.maxParallel > 0 {
		return max(p.longest, p.sum/float64(p.maxParallel))
	}
	return p.longest
}

// toDuration rounds ns to a duration. It returns the longest duration if ns
// exceeds that.
func toDuration(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}
