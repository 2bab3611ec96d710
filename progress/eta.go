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
	if left, source, ok := t.fromRate(); ok {
		return left, source
	}
	return 0, SourceUnknown
}

// fromPhases adds up what is left of each phase, as it has said itself or as its
// typical duration tells. It needs that of every phase that is not done: a sum with
// a gap would be too small.
func (t *Tracker) fromPhases() (time.Duration, ETASource, bool) {
	var left, said float64
	for stage := range t.stages {
		var all, saying together
		for i := range stage {
			p := &stage[i]
			if p.state == done {
				continue
			}
			one, ok := t.said(p)
			if ok {
				saying.add(one, p.limit)
			} else if one, ok = t.typical(p); !ok {
				return 0, "", false
			}
			all.add(one, p.limit)
		}
		left, said = left+all.time(), said+saying.time()
	}
	switch {
	case said > left/2:
		return toDuration(left), SourceReported, true
	case len(t.history) > 0:
		return toDuration(left), SourceHistory, true
	default: // all is done
		return 0, "", false
	}
}

// fromRate extends this run's speed to the rest of the weight. What an earlier
// run did is no part of the speed; what a phase has said of itself is.
func (t *Tracker) fromRate() (time.Duration, ETASource, bool) {
	if t.left == 0 {
		return 0, SourceObserved, true
	}
	var made, left, said float64
	for stage := range t.stages {
		var saying together
		for i := range stage {
			p := &stage[i]
			made += p.weight * (p.fraction - p.restored)
			rest := p.weight * (1 - p.fraction)
			if one, ok := t.said(p); ok {
				saying.add(one, p.limit)
				made += rest // by then
			} else {
				left += rest
			}
		}
		said += saying.time()
	}
	took := float64(t.elapsed) + said
	if made <= 0 || took <= 0 {
		return 0, "", false
	}
	others := took * (left / made)
	if said > others {
		return toDuration(said + others), SourceReported, true
	}
	return toDuration(said + others), SourceObserved, true
}

// said is what is left of an open phase as it has said itself, in nanoseconds, until
// that is used up.
func (t *Tracker) said(p *part) (float64, bool) {
	left := p.saidLeft - (t.elapsed - p.saidAt)
	return float64(left), p.state == open && p.saidLeft >= 0 && left > 0
}

// typical is what is left of a phase by its typical duration, in nanoseconds. That
// counts by how far the phase says it is, and from there on by the time that has gone
// by: it may say nothing, or nothing more. One that takes longer is not known.
func (t *Tracker) typical(p *part) (float64, bool) {
	typical, ok := t.history[p.name]
	if !ok || typical < 0 {
		return 0, false
	}
	left := float64(typical) * (1 - p.fraction)
	if p.state != open {
		return left, true
	}
	left -= float64(t.elapsed - p.movedAt)
	return left, left >= 0
}

// stages are the phases, those together that run at the same time.
func (t *Tracker) stages(yield func([]part) bool) {
	for i := 0; i < len(t.parts); {
		end := i + 1
		for group := t.parts[i].group; group != "" && end < len(t.parts) && t.parts[end].group == group; {
			end++
		}
		if !yield(t.parts[i:end]) {
			return
		}
		i = end
	}
}

// together is how long phases take that run at the same time.
type together struct {
	longest, sum float64
	limit        int
}

func (g *together) add(one float64, limit int) {
	g.longest, g.sum, g.limit = max(g.longest, one), g.sum+one, limit
}

// time is that of the longest; where there are more than may run at the same time, it
// may take their sum, shared.
func (g *together) time() float64 {
	if g.limit > 0 {
		return max(g.longest, g.sum/float64(g.limit))
	}
	return g.longest
}

// toDuration rounds to a duration, the longest there is when ns does not fit.
func toDuration(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}
