package lease

import (
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// Lease is the right of one run to its job, as far as this process knows. It is safe for
// concurrent use.
type Lease struct {
	run     store.LockedRun
	length  time.Duration
	renewed func()

	mu     sync.Mutex
	ended  bool
	expiry *time.Timer
}

// Begin returns the lease of a run. claimed is when the claim was sent; the lease lasts from
// then on for length. renewed is called after each renewal. expired is called once, in a
// goroutine of its own, when the lease was not renewed in time.
func Begin(run store.LockedRun, claimed time.Time, length time.Duration, renewed, expired func()) *Lease {
	return &Lease{run: run, length: length, renewed: renewed, expiry: time.AfterFunc(time.Until(claimed.Add(length)), expired)}
}

// extend extends the lease, which a request sent at that time has renewed.
func (l *Lease) extend(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.expiry.Reset(time.Until(sent.Add(l.length)))
	}
}

// End ends the lease. After that it does not expire.
func (l *Lease) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.expiry.Stop()
}
