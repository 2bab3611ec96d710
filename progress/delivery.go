package progress

import "time"

// maxQueued bounds the queue of updates while a call of OnUpdate hangs. It is
// well above any real number of phase changes during one call.
const maxQueued = 1000

// deltaTolerance allows for rounding: in floating point, 0.29 - 0.28 is slightly
// less than 0.01.
const deltaTolerance = 1e-12

// delivery is the part of a tracker that calls OnUpdate. The tracker's lock
// guards it.
type delivery struct {
	delivering bool     // a goroutine is calling OnUpdate
	queue      []Update // not yet delivered, oldest first

	sentAny      bool // an update was sent; these are its values:
	sentFraction float64
	sentPhase    int
	sentAt       time.Duration // elapsed
}

// unlockAndSend ends a change of the tracker: it releases the lock and, if an
// update is due, delivers it. The lock is never held during a call of OnUpdate.
func (t *Tracker) unlockAndSend() {
	if !t.due() {
		t.mu.Unlock()
		return
	}
	t.enqueueUpdate()
	if t.delivering {
		t.mu.Unlock()
		return
	}
	t.delivering = true
	t.mu.Unlock()
	t.deliver()
}

// due reports whether the current state must be sent to OnUpdate now.
func (t *Tracker) due() bool {
	if t.onUpdate == nil {
		return false
	}
	if !t.sentAny || t.notDone == 0 || t.current != t.sentPhase {
		return true
	}
	// Throttled updates are not queued: otherwise a slow OnUpdate would block its
	// goroutine for as long as the others make progress.
	if t.delivering {
		return false
	}
	if t.fraction-t.sentFraction >= t.minDelta-deltaTolerance {
		return true
	}
	t.readClock()
	return t.elapsed-t.sentAt >= t.minInterval
}

// enqueueUpdate adds the current state to the queue.
func (t *Tracker) enqueueUpdate() {
	t.readClock()
	t.sentAny, t.sentFraction, t.sentPhase, t.sentAt = true, t.fraction, t.current, t.elapsed
	u := t.update()
	if n := len(t.queue); n == maxQueued {
		t.queue[n-1] = u
		return
	}
	t.queue = append(t.queue, u)
}

// deliver calls OnUpdate with each queued update, including those queued
// meanwhile. The caller has set delivering.
func (t *Tracker) deliver() {
	for {
		u, ok := t.next()
		if !ok {
			return
		}
		t.callOnUpdate(u)
	}
}

// next removes the oldest update from the queue and returns it. If the queue is
// empty, it resets delivering in the same critical section, so that no update
// stays in the queue undelivered.
func (t *Tracker) next() (Update, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		t.delivering = false
		return Update{}, false
	}
	u := t.queue[0]
	t.queue = t.queue[:copy(t.queue, t.queue[1:])]
	return u, true
}

// callOnUpdate calls OnUpdate. If that panics or exits the goroutine, it resets
// delivering, so that the next update is delivered.
func (t *Tracker) callOnUpdate(u Update) {
	returned := false
	defer func() {
		if !returned {
			t.mu.Lock()
			t.delivering = false
			t.mu.Unlock()
		}
	}()
	t.onUpdate(u)
	returned = true
}
