package execution

import (
	"math"
	"sync/atomic"
	"time"
)

// signs are the signs of progress of a running step: another share, a message, a checkpoint.
type signs struct {
	seen     atomic.Bool   // whether there was one since the last look
	fraction atomic.Uint64 // the bits of the share that was reported last

	// The run's lock guards these.
	last    time.Time // the last look at which there was one
	longest time.Duration
}

func newSigns() *signs { return &signs{last: time.Now()} }

// report notes a call of Run.Progress. It costs a few nanoseconds, and reads no clock.
func (s *signs) report(fraction float64, message bool) {
	if message {
		s.mark()
		return
	}
	if bits := math.Float64bits(fraction); fraction >= 0 && s.fraction.Load() != bits {
		s.fraction.Store(bits)
		s.mark()
	}
}

func (s *signs) mark() {
	if !s.seen.Load() {
		s.seen.Store(true)
	}
}

// look returns how long there has been no sign, 0 if there was one since the last look.
func (s *signs) look() time.Duration {
	silence := time.Since(s.last)
	if s.seen.Swap(false) {
		s.longest = max(s.longest, silence)
		s.last = time.Now()
		return 0
	}
	return silence
}

// longestSilence returns the longest time without a sign, until now.
func (s *signs) longestSilence() time.Duration { return max(s.longest, time.Since(s.last)) }
