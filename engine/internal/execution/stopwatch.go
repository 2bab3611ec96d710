package execution

import (
	"sync"
	"time"
)

// stopwatch measures how long this process ran, without the time in which it was suspended.
// It ticks, and counts the time between two ticks as a few ticks at most: so it counts
// almost all of the time in a busy process, and almost nothing in a suspended one.
type stopwatch struct {
	tick   time.Duration
	ran    time.Duration
	ticker *time.Ticker
	end    chan struct{}
	group  sync.WaitGroup
}

// newStopwatch starts a stopwatch. The caller must stop it.
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
		case <-s.ticker.C: // a ticker drops ticks that are not received
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

// stop ends the stopwatch and returns the time.
func (s *stopwatch) stop() time.Duration {
	s.ticker.Stop()
	close(s.end)
	s.group.Wait()
	return s.ran
}
