package lease

import (
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// Lease is the right of one run to its job, as this process knows it. It is safe for
// concurrent use.
type Lease struct {
	run     store.LockedRun
	length  time.Duration
	renewed func()

	mu     sync.Mutex
	ended  bool
	expiry *time.Timer
}

// Begin returns the lease of a run whose claim was sent at that time: the lease counts
// from then on. renewed is called after each renewal, and expired once, in a goroutine
// of its own, when there was none for the lease's length.
func Begin(run store.LockedRun, claimed time.Time, length time.Duration, renewed, expired func()) *Lease {
	return &Lease{run: run, length: length, renewed: renewed, expiry: time.AfterFunc(time.Until(claimed.Add(length)), expired)}
}

// extend notes that the lease was renewed by a request sent at that time.
func (l *Lease) extend(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.expiry.Reset(time.Until(sent.Add(l.length)))
	}
}

// End ends the lease: it does not expire after that.
func (l *Lease) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.expiry.Stop()
}
