package progress

import (
	"math"
	"time"
)

// estimate returns the time that is left at the last tick, and where that is
// known from.
func (t *Tracker) estimate() (time.Duration, ETASource) {
	if left, source, ok := t.fromPhases(); ok {
		return left, source
	}
	if left, ok := t.fromRate(); ok {
		return left, SourceObserved
	}
	return 0, SourceUnknown
}

// fromPhases adds up what is left of each phase, as it has said itself or as its
// typical duration tells. It needs that of every phase that is not done: a sum with
// a gap would be too small.
func (t *Tracker) fromPhases() (time.Duration, ETASource, bool) {
	var left float64
	saying, silent := 0, 0
	for i := 0; i < len(t.parts); {
		end := t.stageEnd(i)
		longest, sum := 0.0, 0.0
		for ; i < end; i++ {
			p := &t.parts[i]
			if p.state == done {
				continue
			}
			one, ok := t.phaseLeft(p)
			if !ok {
				return 0, "", false
			}
			if p.hasSaid() {
				saying++
			} else {
				silent++
			}
			longest, sum = max(longest, one), sum+one
		}
		if limit := t.parts[end-1].limit; limit > 0 {
			longest = max(longest, sum/float64(limit))
		}
		left += longest
	}
	switch {
	case saying > 0 && silent == 0:
		return toDuration(left), SourceReported, true
	case len(t.history) > 0:
		return toDuration(left), SourceHistory, true
	default: // all is done
		return 0, "", false
	}
}

// stageEnd is the index behind the phases that run at the same time as phase i.
func (t *Tracker) stageEnd(i int) int {
	end := i + 1
	for group := t.parts[i].group; group != "" && end < len(t.parts) && t.parts[end].group == group; {
		end++
	}
	return end
}

// phaseLeft is what is left of a phase that is not done, in nanoseconds. A typical
// duration counts by how far the phase says it is, and from there on by the time
// that has gone by: it may say nothing, or nothing more.
func (t *Tracker) phaseLeft(p *part) (float64, bool) {
	if p.hasSaid() {
		return max(0, float64(p.said-(t.elapsed-p.saidAt))), true
	}
	typical, ok := t.history[p.name]
	if !ok || typical < 0 {
		return 0, false
	}
	left := float64(typical) * (1 - p.fraction)
	if p.state != open {
		return left, true
	}
	if p.fraction != p.seen {
		p.seen, p.seenAt = p.fraction, t.elapsed
	}
	return max(0, left-float64(t.elapsed-p.seenAt)), true
}

// hasSaid reports whether the phase has said how long it will still take.
func (p *part) hasSaid() bool { return p.said >= 0 }

// fromRate extends this run's speed to the rest of the weight. What an earlier
// run did is no part of the speed; what a phase has said of itself is.
func (t *Tracker) fromRate() (time.Duration, bool) {
	if t.left == 0 {
		return 0, true
	}
	var made, left, said float64
	for i := range t.parts {
		p := &t.parts[i]
		made += p.weight * (p.fraction - p.restored)
		rest := p.weight * (1 - p.fraction)
		if p.state != done && p.hasSaid() {
			one, _ := t.phaseLeft(p)
			said += one
			made += rest // by then
		} else {
			left += rest
		}
	}
	if took := float64(t.elapsed) + said; made > 0 && took > 0 {
		return toDuration(said + took*(left/made)), true
	}
	return 0, false
}

// toDuration rounds to a duration, the longest there is when ns does not fit.
func toDuration(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}
