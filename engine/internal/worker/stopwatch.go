package worker

import (
	"sync"
	"time"
)

// stopwatch measures time in which this process ran: it counts ticks, and while a
// process stands still nobody takes any. It is one to two ticks short at most.
type stopwatch struct {
	tick   time.Duration
	ticks  int
	ticker *time.Ticker
	end    chan struct{}
	group  sync.WaitGroup
}

// newStopwatch starts one, which is to be stopped.
func newStopwatch(tick time.Duration) *stopwatch {
	s := &stopwatch{tick: tick, ticker: time.NewTicker(tick), end: make(chan struct{})}
	s.group.Go(func() {
		for {
			select {
			case <-s.ticker.C:
				s.ticks++
			case <-s.end:
				return
			}
		}
	})
	return s
}

// stop ends it and returns the time.
func (s *stopwatch) stop() time.Duration {
	s.ticker.Stop()
	close(s.end)
	s.group.Wait()
	return time.Duration(s.ticks) * s.tick
}
