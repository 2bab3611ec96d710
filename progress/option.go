package progress

import (
	"fmt"
	"time"
)

// The defaults for [Throttle].
const (
	DefaultMinDelta    = 0.01
	DefaultMinInterval = time.Second
)

// Option configures a [Tracker]; pass it to [New].
type Option func(*settings)

type settings struct {
	onUpdate    func(Update)
	minDelta    float64
	minInterval time.Duration
	clock       func() time.Time
	hostClock   bool // clock is time.Now
	history     []Samples
}

// OnUpdate calls f with the tracker's state after each change that the
// [Throttle] does not suppress. By default nothing is called.
//
// f runs in the goroutine that caused the update, before the tracker's method
// returns. Calls of f never overlap, and from one to the next Fraction and
// Elapsed never fall. f may call any method of the tracker.
//
// A slow f blocks only the goroutine it runs in. While f runs, throttled
// updates from other goroutines are dropped; the next method call after f
// returns delivers the newest state. Updates that are never throttled (a change
// of phase, the last update) are queued, and the goroutine that runs f delivers
// them: a method can return before its own update is delivered. The queue is
// bounded: when it is full, each new update replaces the last one in it. A panic
// in f propagates to the caller of the tracker's method; the tracker stays
// usable.
func OnUpdate(f func(Update)) Option {
	return func(s *settings) { s.onUpdate = f }
}

// Throttle sets how often [OnUpdate] is called: when the total has grown by
// minDelta (0.01 is one percent) or minInterval has passed since the last
// update, whichever comes first. Zero for either disables throttling. The first
// update, the last one (1.0) and every change of phase are always delivered.
// [New] returns an error for a negative or NaN value.
//
// The tracker has no timer. It reads the clock only when a method is called, so
// without calls there are no updates.
func Throttle(minDelta float64, minInterval time.Duration) Option {
	return func(s *settings) { s.minDelta, s.minInterval = minDelta, minInterval }
}

// Clock sets the function that returns the current time, by default [time.Now].
// It is called while the tracker is locked, so it must not call the tracker. If
// the clock is set back, Elapsed stays the same until the clock has caught up.
func Clock(now func() time.Time) Option {
	return func(s *settings) { s.clock = now }
}

func newSettings(opts []Option) settings {
	s := settings{minDelta: DefaultMinDelta, minInterval: DefaultMinInterval}
	for _, opt := range opts {
		if opt != nil {
			opt(&s)
		}
	}
	if s.clock == nil {
		s.clock, s.hostClock = time.Now, true
	}
	return s
}

// check returns an error for each invalid setting.
func (s *settings) check() []error {
	var errs []error
	if !(s.minDelta >= 0) { // unlike minDelta < 0, this is true for NaN
		errs = append(errs, fmt.Errorf("throttle: minimum delta is %v: want 0 or more", s.minDelta))
	}
	if s.minInterval < 0 {
		errs = append(errs, fmt.Errorf("throttle: minimum interval is %v: want 0 or more", s.minInterval))
	}
	return errs
}

// since returns the time since then by the clock. [time.Since] takes half as long as
// [time.Now], which matters: a phase may report its progress millions of times.
func (s *settings) since(then time.Time) time.Duration {
	if s.hostClock {
		return time.Since(then)
	}
	return s.clock().Sub(then)
}
