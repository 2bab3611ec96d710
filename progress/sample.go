package progress

import (
	"maps"
	"time"
)

// Sample is how one phase went in an earlier run.
type Sample struct {
	// Duration is how long the phase took. A negative one is ignored.
	Duration time.Duration `json:"duration"`
	// Size is how much the phase had to do, in any unit that is the same for all runs,
	// for example in items; 0 if that is not known.
	Size float64 `json:"size,omitempty"`
	// Silent says that the phase reported no progress between its begin and its end.
	// This run's pace says nothing about such a phase, and is not applied to it.
	Silent bool `json:"silent,omitempty"`
}

// Samples is one earlier run: a sample for each phase that it completed, by the name of the
// phase.
type Samples map[string]Sample

// History sets what is known of earlier runs, the best of them the latest: about nine are
// enough. They are what the remaining time is estimated from until this run has shown how it
// goes. Unknown names are ignored. [Tracker.Samples] returns what this run adds to them.
func History(runs ...Samples) Option {
	runs = cloneRuns(runs)
	return func(s *settings) { s.history = runs }
}

// SetHistory replaces what [History] has set, for callers that learn it after the work has
// begun.
func (t *Tracker) SetHistory(runs ...Samples) {
	runs = cloneRuns(runs)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.history, t.outlook = runs, nil
}

func cloneRuns(runs []Samples) []Samples {
	out := make([]Samples, len(runs))
	for i, run := range runs {
		out[i] = maps.Clone(run)
	}
	return out
}

// SetSize sets how much a phase has to do in this run: see [Phase.Size]. A size that is not
// above 0 removes it. An unknown phase is ignored. If the size stays the same, SetSize takes
// about 20 ns.
func (t *Tracker) SetSize(phase string, size float64) {
	i, ok := t.indexByName[phase]
	if !ok {
		return
	}
	if !validWeight(size) {
		size = 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := &t.phases[i]; p.size != size {
		p.size, t.outlook = size, nil
	}
}

// Samples returns what this run adds to the [History] of later ones: the [Tracker.Sample] of
// each phase that is done.
func (t *Tracker) Samples() Samples {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(Samples)
	for i := range t.phases {
		if sample, ok := t.sample(i); ok && t.phases[i].state == done {
			out[t.phases[i].name] = sample
		}
	}
	return out
}

// Sample returns what this run shows of a phase: until now, if it is open. ok is false for a
// phase that has not begun in this run, and for one of which an earlier run has done a part:
// its time is that of several runs.
func (t *Tracker) Sample(phase string) (sample Sample, ok bool) {
	i, ok := t.indexByName[phase]
	if !ok {
		return Sample{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readClock()
	return t.sample(i)
}

func (t *Tracker) sample(i int) (Sample, bool) {
	p := &t.phases[i]
	if !p.began || p.restoredFraction > 0 {
		return Sample{}, false
	}
	end := t.elapsed
	if p.state == done {
		end = p.advancedAt
	}
	return Sample{Duration: end - p.beganAt, Size: p.size, Silent: p.reports == 0}, true
}

// Usual returns how long a phase usually takes, by [History] and the sizes that are known. ok
// is false without a history.
func (t *Tracker) Usual(phase string) (d time.Duration, ok bool) {
	i, ok := t.indexByName[phase]
	if !ok {
		return 0, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hasOutlook() {
		return 0, false
	}
	return toDuration(t.outlook.phases[i].time), true
}

// hasOutlook reports whether history says anything about this run, and finds out what.
func (t *Tracker) hasOutlook() bool {
	if t.outlook == nil && len(t.history) > 0 {
		t.outlook = newOutlook(t.phases, t.history)
	}
	return t.outlook != nil
}
