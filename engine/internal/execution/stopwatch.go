package execution

import (
	"sync"
	"time"
)

// stopwatch measures time in which this process ran, be it busy: it ticks, and what
// is between two ticks counts as no more than a few of them, so that a process that
// stands still gains hardly any.
type stopwatch struct {
	tick   time.Duration
	ran    time.Duration
	ticker *time.Ticker
	end    chan struct{}
	group  sync.WaitGroup
}

// newStopwatch starts one, which is to be stopped.
func newStopwatch(tick time.Duration) *stopwatch {
	s := &stopwatch{tick: tick, ticker: time.NewTicker(tick), end: make(chan struct{})}
	s.group.Go(s.run)
	return s
}

func (s *stopwatch) run() {
	const few = 5
	for last := time.Now(); ; {
		ended := false
		select {
		case <-s.ticker.C: // it drops ticks that nobody takes
		case <-s.end:
			ended = true
		}
		now := time.Now()
		s.ran += min(now.Sub(last), few*s.tick)
		if last = now; ended {
			return
		}
	}
}

// stop ends it and returns the time.
func (s *stopwatch) stop() time.Duration {
	s.ticker.Stop()
	close(s.end)
	s.group.Wait()
	return s.ran
}
