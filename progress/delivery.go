package progress

import "time"

// maxWaiting bounds the line of updates behind an OnUpdate that hangs. It is
// well above any real number of phase changes during one call.
const maxWaiting = 1000

// deltaSlack makes up for rounding: 0.29 - 0.28 is a little less than 0.01.
const deltaSlack = 1e-12

// delivery is the part of a tracker that hands updates to OnUpdate. The
// tracker's lock guards it.
type delivery struct {
	delivering bool     // OnUpdate is being called, in some goroutine
	waiting    []Update // to be delivered, in this order

	sent      bool // anything at all, and what it said:
	sentTotal float64
	sentPhase int
	sentAt    time.Duration // elapsed
}

// unlockAndSend ends a change of the tracker: it releases the lock, and calls
// OnUpdate where an update is due. The lock is never held during that call.
func (t *Tracker) unlockAndSend() {
	if !t.due() {
		t.mu.Unlock()
		return
	}
	t.enqueue()
	if t.delivering {
		t.mu.Unlock()
		return
	}
	t.delivering = true
	t.mu.Unlock()
	t.deliver()
}

// due reports whether the state is to go out now.
func (t *Tracker) due() bool {
	if t.onUpdate == nil {
		return false
	}
	if !t.sent || t.left == 0 || t.current != t.sentPhase {
		return true
	}
	// Ordinary updates do not wait in line: else a slow OnUpdate would hold
	// one goroutine for as long as the others have something to say.
	if t.delivering {
		return false
	}
	if t.total-t.sentTotal >= t.minDelta-deltaSlack {
		return true
	}
	t.tick()
	return t.elapsed-t.sentAt >= t.minInterval
}

// enqueue puts the state in line for delivery.
func (t *Tracker) enqueue() {
	t.tick()
	t.sent, t.sentTotal, t.sentPhase, t.sentAt = true, t.total, t.current, t.elapsed
	u := t.update()
	if n := len(t.waiting); n == maxWaiting {
		t.waiting[n-1] = u
		return
	}
	t.waiting = append(t.waiting, u)
}

// deliver calls OnUpdate with all that waits, and with what joins the line
// meanwhile. The caller has set delivering.
func (t *Tracker) deliver() {
	for {
		u, ok := t.next()
		if !ok {
			return
		}
		t.call(u)
	}
}

// next takes the head of the line. When there is none, delivering ends in the
// same critical section, so that no update is left behind.
func (t *Tracker) next() (Update, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.delivering = false
		return Update{}, false
	}
	u := t.waiting[0]
	t.waiting = t.waiting[:copy(t.waiting, t.waiting[1:])]
	return u, true
}

// call calls OnUpdate. If that panics or ends the goroutine, the next update
// finds the tracker free to deliver.
func (t *Tracker) call(u Update) {
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
