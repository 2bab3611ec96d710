package progress

import (
	"fmt"
	"maps"
	"time"
)

// The throttle that applies without [Throttle].
const (
	DefaultMinDelta    = 0.01
	DefaultMinInterval = time.Second
)

// Option is a setting for [New].
type Option func(*settings)

type settings struct {
	onUpdate    func(Update)
	minDelta    float64
	minInterval time.Duration
	clock       func() time.Time
	history     map[string]time.Duration
}

// OnUpdate has f called with the state of the tracker when it has moved enough
// for the [Throttle]. The default is nobody.
//
// f runs in the goroutine that caused the update, before the tracker's method
// returns, and never concurrently with itself: its calls see Fraction and
// Elapsed never fall. It may call any method of the tracker. A slow f slows
// only the goroutine it runs in. Meanwhile the others' ordinary updates are
// held back, and the next call after f has returned brings the newest state;
// their updates that always go out (a change of phase, the last) wait in line,
// and the goroutine that f runs in delivers them. So a method may return
// before its own update is delivered. The line is bounded: behind an f that
// hangs, its end is replaced by what is newest. A panic of f reaches whoever
// called the tracker, which stays usable.
func OnUpdate(f func(Update)) Option {
	return func(s *settings) { s.onUpdate = f }
}

// Throttle sets how often [OnUpdate] is called: when the total has moved by
// minDelta (0.01 is one percent) or minInterval has gone by since the last
// update, whichever is first. Zero for either lets every call through. The
// first update, the last (1.0) and a change of phase always go out. A negative
// or NaN value is an error of [New].
//
// Time is looked at only when a method is called: there is no timer, and so a
// tracker that nobody calls sends nothing.
func Throttle(minDelta float64, minInterval time.Duration) Option {
	return func(s *settings) { s.minDelta, s.minInterval = minDelta, minInterval }
}

// Clock sets the source of the time, by default [time.Now]. It is called with
// the tracker locked and so must not call the tracker. A clock that steps back
// makes Elapsed stand still until it has caught up.
func Clock(now func() time.Time) Option {
	return func(s *settings) { s.clock = now }
}

// History gives typical durations by the name of the phase, from earlier runs,
// for the estimate. Names that are no phase of the tracker and negative
// durations are ignored. The map is copied.
func History(typical map[string]time.Duration) Option {
	typical = maps.Clone(typical)
	return func(s *settings) { s.history = typical }
}

func newSettings(opts []Option) settings {
	s := settings{minDelta: DefaultMinDelta, minInterval: DefaultMinInterval}
	for _, opt := range opts {
		if opt != nil {
			opt(&s)
		}
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s
}

// check returns every mistake in the settings.
func (s *settings) check() []error {
	var errs []error
	if !(s.minDelta >= 0) { // so written, it catches NaN too
		errs = append(errs, fmt.Errorf("throttle: minimal delta is %v: want 0 or more", s.minDelta))
	}
	if s.minInterval < 0 {
		errs = append(errs, fmt.Errorf("throttle: minimal interval is %v: want 0 or more", s.minInterval))
	}
	return errs
}
