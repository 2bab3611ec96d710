package progress

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxFractionBeforeDone is the largest total while a phase is not done. It is
// far enough below 1 to stay below it as a float32 and as a rounded "99.9999%".
const maxFractionBeforeDone = 1 - 1e-6

// noPhase is an index that stands for no phase.
const noPhase = -1

// Tracker computes the total progress of weighted phases. Create one with [New]
// for each run of the work. All methods are safe for concurrent use, and several
// phases may be open (started and not done) at the same time.
type Tracker struct {
	settings
	startedAt   time.Time
	indexByName map[string]int // index in phases
	totalWeight float64        // of all weights

	mu         sync.Mutex
	phases     []trackedPhase
	open       []int   // indexes in phases, in the order of their last start
	current    int     // index in phases, or noPhase
	notDone    int     // number of phases
	keptWeight float64 // weight of all that is done or restored
	fraction   float64 // the total, from 0 to 1
	elapsed    time.Duration
	advancedAt time.Duration // elapsed when a phase last advanced or was done in this run
	advances   int           // how often that was
	endedAt    time.Duration // elapsed when a phase was last done
	outlook    *outlook      // what history says, nil until it is needed

	delivery
}

// New returns a tracker of phases; its elapsed time starts now. It returns one
// error that joins all mistakes: no phases, an empty or repeated name, a weight
// that is not a finite number above 0, an invalid Group or MaxParallel, an
// invalid [Throttle].
func New(phases []Phase, opts ...Option) (*Tracker, error) {
	s := newSettings(opts)
	if err := errors.Join(append(checkPhases(phases), s.check()...)...); err != nil {
		return nil, fmt.Errorf("new progress tracker: %w", err)
	}
	t := &Tracker{
		settings:    s,
		startedAt:   s.clock(),
		indexByName: make(map[string]int, len(phases)),
		current:     noPhase,
		notDone:     len(phases),
		delivery:    delivery{sentPhase: noPhase},
	}
	t.phases, t.totalWeight = newTrackedPhases(phases)
	for i, phase := range phases {
		t.indexByName[phase.Name] = i
	}
	return t, nil
}

// Start opens the phase and makes it the current one, which [Update] describes.
// Phases may be started in any order. Starting an open phase again, for another
// attempt, restarts its time for the estimate. It returns [ErrUnknownPhase] or
// [ErrPhaseDone], and then leaves the tracker unchanged.
func (t *Tracker) Start(phase string) error {
	i, ok := t.indexByName[phase]
	if !ok {
		return fmt.Errorf("start %q: %w", phase, ErrUnknownPhase)
	}
	t.mu.Lock()
	if t.phases[i].state == done {
		t.mu.Unlock()
		return fmt.Errorf("start %q: %w", phase, ErrPhaseDone)
	}
	t.start(i)
	t.unlockAndSend()
	return nil
}

// Set sets the phase's completed fraction, from 0 to 1, and its message. It
// starts the phase if it was not started, and ignores one that is unknown or
// done. Progress is advisory, so Set does not return an error: it clamps a
// fraction outside 0 to 1, ignores NaN and a fraction lower than before, and
// keeps the message if the new one is empty. A phase with fraction 1 is not yet
// done: see [Tracker.Done].
//
// Set may be called as often as is convenient: if the [Throttle] suppresses the
// update, it takes about 100 ns and does not allocate, except once for each phase.
func (t *Tracker) Set(phase string, fraction float64, message string) {
	i, ok := t.indexByName[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	p := &t.phases[i]
	switch p.state {
	case done:
		t.mu.Unlock()
		return
	case pending:
		t.startLate(i)
	}
	if message != "" {
		p.message = message
	}
	if fraction > p.fraction { // false for NaN
		t.readClock()
		p.advance(min(fraction, 1), t.elapsed)
		t.advancedAt, t.advances = t.elapsed, t.advances+1
		t.updateFraction()
	}
	t.unlockAndSend()
}

// SetRemaining sets how long an open phase will still take, for callers that
// know it better than its history and this run's speed. The estimate uses it
// instead of those, minus the time since this call, until it has run out or the
// next call replaces it. A negative duration removes it. Phases that are not
// open are ignored.
func (t *Tracker) SetRemaining(phase string, left time.Duration) {
	i, ok := t.indexByName[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := &t.phases[i]; p.state == open {
		t.readClock()
		p.reportedLeft, p.reportedAt = left, t.elapsed
	}
}

// Done marks the phase as done in this run, whether or not it was started. The
// total is 1 when all phases are done or restored. A phase that is unknown or
// already done is ignored.
func (t *Tracker) Done(phase string) { t.finish(phase, false) }

// Restore marks the phase as done in an earlier run. It counts towards the total
// but not towards the speed of this run, so the estimate does not jump when work
// is resumed. A phase that is unknown or already done is ignored. See
// [Tracker.RestorePart] for a phase that was interrupted.
func (t *Tracker) Restore(phase string) { t.finish(phase, true) }

// RestorePart marks a fraction of the phase, from 0 to 1, as completed in an
// earlier run: like [Tracker.Restore], it does not count towards the speed of
// this run. It does not start the phase. It ignores NaN, a fraction not above
// the present one, and a phase that is unknown or done.
func (t *Tracker) RestorePart(phase string, fraction float64) {
	i, ok := t.indexByName[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	p := &t.phases[i]
	if p.state == done || !(fraction > p.fraction) {
		t.mu.Unlock()
		return
	}
	fraction = min(fraction, 1)
	t.keptWeight += p.weight * (fraction - p.restoredFraction)
	t.readClock()
	p.fraction, p.restoredFraction = fraction, fraction
	if p.began {
		p.begin(t.elapsed)
	}
	t.updateFraction()
	t.unlockAndSend()
}

// Snapshot returns the current state. It is not throttled.
func (t *Tracker) Snapshot() Update {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readClock()
	return t.update()
}

// start opens the phase, moves it to the end of open, and makes it the current
// one.
func (t *Tracker) start(i int) {
	t.removeFromOpen(i)
	t.open = append(t.open, i)
	p := &t.phases[i]
	t.readClock()
	p.begin(t.elapsed)
	p.state, p.reportedLeft = open, -1
	t.current = i
}

// startLate is start for a phase that was not started before it has reported something: it has
// begun when the one before it was done.
func (t *Tracker) startLate(i int) {
	alone := len(t.open) == 0
	t.start(i)
	if alone {
		t.phases[i].begin(t.endedAt)
	}
}

// removeFromOpen removes the phase from open, if it is there.
func (t *Tracker) removeFromOpen(i int) {
	if at := slices.Index(t.open, i); at >= 0 {
		t.open = slices.Delete(t.open, at, at+1)
	}
}

// finish marks the phase as done: in an earlier run if restored, else in this
// one.
func (t *Tracker) finish(phase string, restored bool) {
	i, ok := t.indexByName[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	p := &t.phases[i]
	if p.state == done {
		t.mu.Unlock()
		return
	}
	if p.state == pending && !restored && len(t.open) == 0 {
		p.begin(t.endedAt) // as in startLate
	}
	t.removeFromOpen(i)
	t.readClock() // for the last phase for the last time: Elapsed stops when all are done
	t.endedAt = t.elapsed
	if !restored {
		p.advancedAt = t.elapsed
		t.advancedAt, t.advances = t.elapsed, t.advances+1
	}
	t.keptWeight += p.weight * (1 - p.restoredFraction)
	p.state, p.fraction = done, 1
	if restored {
		p.restoredFraction = 1
	}
	if i == t.current && len(t.open) > 0 {
		t.current = t.open[len(t.open)-1]
	}
	t.notDone--
	t.updateFraction()
	t.unlockAndSend()
}

// updateFraction computes the total. It visits only the open phases, so its cost
// does not grow with the number of phases.
func (t *Tracker) updateFraction() {
	if t.notDone == 0 {
		t.fraction = 1 // exactly: the weights may add up to slightly more or less
		return
	}
	weight := t.keptWeight
	for _, i := range t.open {
		p := &t.phases[i]
		weight += p.weight * (p.fraction - p.restoredFraction)
	}
	// No phase's fraction falls, but the sum can, by a rounding error, when a phase
	// moves from open to keptWeight.
	t.fraction = max(t.fraction, min(weight/t.totalWeight, maxFractionBeforeDone))
}

// readClock updates elapsed, unless all phases are done.
func (t *Tracker) readClock() {
	if t.notDone > 0 {
		t.elapsed = max(t.elapsed, t.since(t.startedAt))
	}
}

// update returns the state at the time that readClock read last.
func (t *Tracker) update() Update {
	u := Update{Fraction: t.fraction, Elapsed: t.elapsed}
	if t.current != noPhase {
		p := &t.phases[t.current]
		u.Phase, u.PhaseFraction, u.Message = p.name, p.fraction, p.message
	}
	u.Remaining, u.RemainingP90, u.Source = t.estimate()
	return u
}
