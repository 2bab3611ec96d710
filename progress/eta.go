package progress

import (
	"math"
	"time"
)

// estimate returns the time that is left at the last tick, and where that is
// known from.
func (t *Tracker) estimate() (time.Duration, ETASource) {
	if left, ok := t.fromHistory(); ok {
		return left, SourceHistory
	}
	if left, ok := t.fromRate(); ok {
		return left, SourceObserved
	}
	return 0, SourceUnknown
}

// fromHistory adds up what is left of each phase's typical duration. It needs
// one for every phase that is not done: a sum with a gap would be too small,
// and mixing it with a guess would no longer be history.
func (t *Tracker) fromHistory() (time.Duration, bool) {
	if len(t.history) == 0 {
		return 0, false
	}
	var left float64
	for i := range t.parts {
		p := &t.parts[i]
		if p.state == done {
			continue
		}
		typical, ok := t.history[p.name]
		if !ok || typical < 0 {
			return 0, false
		}
		left += float64(typical) * (1 - p.fraction)
	}
	return toDuration(left), true
}

// fromRate extends this run's speed to the rest of the weight. What an earlier
// run did is no part of the speed.
func (t *Tracker) fromRate() (time.Duration, bool) {
	if t.left == 0 {
		return 0, true
	}
	var made, left float64
	for i := range t.parts {
		p := &t.parts[i]
		made += p.weight * (p.fraction - p.restored)
		left += p.weight * (1 - p.fraction)
	}
	if made <= 0 || t.elapsed <= 0 {
		return 0, false
	}
	return toDuration(float64(t.elapsed) * (left / made)), true
}

// toDuration rounds to a duration, the longest there is when ns does not fit.
func toDuration(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}
