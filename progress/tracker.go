package progress

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// almostDone is the most that a tracker shows before all phases are done. It
// is far enough below 1 to stay so in a float32 and in a rounded "99.9999%".
const almostDone = 1 - 1e-6

// none is the index of no phase.
const none = -1

// Tracker follows weighted phases and computes the total. Make one with [New]
// for each run of the work. All methods are safe for concurrent use, and
// several phases may be open at once.
type Tracker struct {
	settings
	began time.Time
	index map[string]int // place in parts by name
	sum   float64        // of all weights

	mu      sync.Mutex
	parts   []part
	open    []int   // in the order of their start
	current int     // in parts, or none
	left    int     // phases not done
	kept    float64 // weight of what is done or restored
	total   float64 // what is shown, 0 to 1
	elapsed time.Duration

	delivery
}

// New returns a tracker of the phases, whose time begins now. It reports all
// mistakes together, joined: no phases, an empty or repeated name, a weight
// that is not a finite number above 0, an invalid [Throttle].
func New(phases []Phase, opts ...Option) (*Tracker, error) {
	s := newSettings(opts)
	if err := errors.Join(append(checkPhases(phases), s.check()...)...); err != nil {
		return nil, fmt.Errorf("new progress tracker: %w", err)
	}
	t := &Tracker{
		settings: s,
		began:    s.clock(),
		index:    make(map[string]int, len(phases)),
		current:  none,
		left:     len(phases),
		delivery: delivery{sentPhase: none},
	}
	t.parts, t.sum = newParts(phases)
	for i, phase := range phases {
		t.index[phase.Name] = i
	}
	return t, nil
}

// Start opens the phase and makes it the current one, the one that an [Update]
// tells of. Phases may be started in any order, and a phase that is open
// already may be started again: its time counts anew for the estimate. The error
// is [ErrUnknownPhase] or [ErrPhaseDone]; the tracker is then unchanged.
func (t *Tracker) Start(phase string) error {
	i, ok := t.index[phase]
	if !ok {
		return fmt.Errorf("start %q: %w", phase, ErrUnknownPhase)
	}
	t.mu.Lock()
	if t.parts[i].state == done {
		t.mu.Unlock()
		return fmt.Errorf("start %q: %w", phase, ErrPhaseDone)
	}
	t.start(i)
	t.unlockAndSend()
	return nil
}

// Set says how far an open phase is, 0 to 1, and what it is about. It is
// advisory, and so cannot fail: a fraction outside 0 to 1 is cut to it; one
// below what the phase had, and NaN, leave the fraction as it is; an empty
// message leaves the message. A phase that was not started is started. A phase
// that is unknown or done is ignored. Fraction 1 is not yet done: see
// [Tracker.Done].
//
// Call it as often as is convenient: when the [Throttle] holds the update back
// it costs some 100 ns and allocates nothing.
func (t *Tracker) Set(phase string, fraction float64, message string) {
	i, ok := t.index[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	p := &t.parts[i]
	switch p.state {
	case done:
		t.mu.Unlock()
		return
	case pending:
		t.start(i)
	}
	if message != "" {
		p.message = message
	}
	if fraction > p.fraction { // false for NaN
		p.fraction = min(fraction, 1)
		if len(t.history) > 0 { // nobody else wants to know, and the clock costs as much as the rest
			t.tick()
			p.movedAt = t.elapsed
		}
		t.add()
	}
	t.unlockAndSend()
}

// SetRemaining says how long an open phase will still take, for whoever knows
// better than its history and this run's speed tell: it counts in their place,
// less the time that goes by, until that is used up or said anew. A negative
// duration takes it back. It is advisory as Set is: a phase that is not open is
// ignored.
func (t *Tracker) SetRemaining(phase string, left time.Duration) {
	i, ok := t.index[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := &t.parts[i]; p.state == open {
		t.tick()
		p.saidLeft, p.saidAt = left, t.elapsed
	}
}

// Done marks the phase as done in this run, whether it was started or not. The
// total is 1 once all phases are done or restored. A phase that is unknown or
// done already is ignored.
func (t *Tracker) Done(phase string) { t.finish(phase, false) }

// Restore marks the phase as done in an earlier run: it counts towards the
// total and not towards the speed of this run, so that the estimate does not
// jump when work is resumed. A phase that is unknown or done already is
// ignored. See [Tracker.RestorePart] for a phase that was cut short.
func (t *Tracker) Restore(phase string) { t.finish(phase, true) }

// RestorePart marks a fraction of the phase, 0 to 1, as done in an earlier run,
// with the same effect as [Tracker.Restore] has for a whole one. The phase is
// not started by this. A fraction below what the phase has, NaN, and a phase
// that is unknown or done are ignored.
func (t *Tracker) RestorePart(phase string, fraction float64) {
	i, ok := t.index[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	p := &t.parts[i]
	if p.state == done || !(fraction > p.fraction) {
		t.mu.Unlock()
		return
	}
	fraction = min(fraction, 1)
	t.kept += p.weight * (fraction - p.restored)
	t.tick()
	p.fraction, p.restored, p.movedAt = fraction, fraction, t.elapsed
	t.add()
	t.unlockAndSend()
}

// Snapshot returns the state now. It is not throttled.
func (t *Tracker) Snapshot() Update {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tick()
	return t.update()
}

// start opens the phase, makes it the current one, and keeps the order of open.
func (t *Tracker) start(i int) {
	t.close(i)
	t.open = append(t.open, i)
	p := &t.parts[i]
	t.tick()
	p.state, p.movedAt, p.saidLeft = open, t.elapsed, -1
	t.current = i
}

// close takes the phase out of the open ones.
func (t *Tracker) close(i int) {
	if at := slices.Index(t.open, i); at >= 0 {
		t.open = slices.Delete(t.open, at, at+1)
	}
}

// finish marks the phase as done, in an earlier run if restored.
func (t *Tracker) finish(phase string, restored bool) {
	i, ok := t.index[phase]
	if !ok {
		return
	}
	t.mu.Lock()
	p := &t.parts[i]
	if p.state == done {
		t.mu.Unlock()
		return
	}
	t.close(i)
	t.kept += p.weight * (1 - p.restored)
	p.state, p.fraction = done, 1
	if restored {
		p.restored = 1
	}
	if i == t.current && len(t.open) > 0 {
		t.current = t.open[len(t.open)-1]
	}
	if t.left == 1 {
		t.tick() // the last reading: elapsed stands still once nothing is left
	}
	t.left--
	t.add()
	t.unlockAndSend()
}

// add computes the total anew. Only the open phases are walked, so that the
// cost does not grow with the number of phases.
func (t *Tracker) add() {
	if t.left == 0 {
		t.total = 1 // exactly, whatever the weights add up to in floating point
		return
	}
	weight := t.kept
	for _, i := range t.open {
		p := &t.parts[i]
		weight += p.weight * (p.fraction - p.restored)
	}
	// No fraction falls, but the sum can, by a rounding error, when a phase
	// moves from the open ones to the kept.
	t.total = max(t.total, min(weight/t.sum, almostDone))
}

// tick reads the clock.
func (t *Tracker) tick() {
	if t.left > 0 {
		t.elapsed = max(t.elapsed, t.clock().Sub(t.began))
	}
}

// update returns the state at the last tick.
func (t *Tracker) update() Update {
	u := Update{Fraction: t.total, Elapsed: t.elapsed}
	if t.current != none {
		p := &t.parts[t.current]
		u.Phase, u.PhaseFraction, u.Message = p.name, p.fraction, p.message
	}
	u.Remaining, u.Source = t.estimate()
	return u
}
