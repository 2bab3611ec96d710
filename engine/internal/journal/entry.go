package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Run is what the journal needs of a run. Snapshot, Restore and Discard are called
// with the run's lock held, the others without it.
type Run interface {
	// Snapshot returns what is to be written now, and forgets that it is to be.
	Snapshot() store.Write
	// Restore makes what the last snapshot had be written again.
	Restore()
	// Discard forgets what is to be written of the document and the checkpoints.
	Discard()
	// RequestCancel cancels the run: its row has a cancel request.
	RequestCancel()
	// EndLife ends the run's context with a cause.
	EndLife(cause error)
	// LogAttrs name the run in a log.
	LogAttrs() []any
	// Shown is an error text as the log may have it.
	Shown(text string) string
}

// marks are the entries that are to be written. Its lock guards what its entries say
// about flushes.
type marks struct {
	wake chan struct{}

	mu      sync.Mutex
	entries []*Entry
}

func (m *marks) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Entry is a run's place in the journal: what of the run is written, and who waits for
// that. Make one with [Journal.Open].
type Entry struct {
	marks *marks
	log   *slog.Logger
	run   Run
	key   store.LockedRun

	// The lock of the marks guards these. queued says that the entry is among the marked
	// ones, inFlight that it is in a flush, and held that it stays out of flushes. free
	// is closed when it is in none any more, nil if nobody waits for that.
	queued, inFlight, held bool
	free                   chan struct{}

	// Whoever writes the entry uses these, the flushing goroutine or the one that
	// holds it: when the first of the writes failed that
	// have all failed since, and when the first of those did that have all failed
	// while the database took another write.
	failingSince, rejectingSince time.Time

	mu *sync.Mutex // the run's; it guards what is below
	// version counts changes that are waited for, sent is the version in the write
	// that is in flight, and written the one in the database.
	version, sent, written uint64
	number                 int64 // of the last write that was sent
	waiting                []chan struct{}
	endSent                bool  // the write in flight ends the run
	ended                  bool  // its end is written
	gone                   bool  // the row is not this run's any more
	claimedNext            bool  // the type's next job was claimed as this one ended
	rejected               error // why the database does not take the run's record
}

// ErrGaveUp is returned by [Entry.Write] when the caller does not wait any longer.
var ErrGaveUp = errors.New("gave up waiting for the write to be confirmed")

// Write edits the run's state, with its lock held, and waits until the database has
// what edit changed. It fails with plan.ErrLeaseLost if the row is not the run's any
// more, with the database's error if that rejects this write while it takes others,
// and with [ErrGaveUp] when giveUp is closed before that is known.
func (e *Entry) Write(edit func(), giveUp <-chan struct{}) error {
	e.mu.Lock()
	edit()
	e.version++
	version, gone := e.version, e.gone
	e.mu.Unlock()
	if !gone {
		e.Mark()
	}
	for {
		news, err := e.outcome(version)
		if news == nil {
			return err
		}
		select {
		case <-news:
		case <-giveUp:
			return ErrGaveUp
		}
	}
}

// outcome returns how the write of a version went, or a channel that is closed when
// there is news of it.
func (e *Entry) outcome(version uint64) (news <-chan struct{}, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.rejected != nil:
		return nil, e.rejected
	case e.written >= version:
		return nil, nil
	case e.gone:
		return nil, plan.ErrLeaseLost
	}
	done := make(chan struct{})
	e.waiting = append(e.waiting, done)
	return done, nil
}

// wakeWaiting makes everybody who waits look again. The run's lock is held.
func (e *Entry) wakeWaiting() {
	for _, done := range e.waiting {
		close(done)
	}
	e.waiting = nil
}

// Send returns what is to be written now: the caller writes it, and then calls
// [Entry.Confirm], or restores the run. The entry is not in a flush meanwhile.
func (e *Entry) Send() store.Write {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.number++
	write := e.run.Snapshot()
	write.Type, write.JobID, write.Attempt, write.Number = e.key.Type, e.key.JobID, e.key.Attempt, e.number
	e.sent, e.endSent = e.version, write.End != ""
	return write
}

// Confirm notes that the last write is in the database, and whether the next job of
// the type was claimed with it.
func (e *Entry) Confirm(ack store.Ack, claimedNext bool) {
	e.failingSince, e.rejectingSince = time.Time{}, time.Time{}
	if ack.Cancelled {
		e.run.RequestCancel() // before the step that waits for this may continue
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.written, e.claimedNext = e.sent, claimedNext
	e.ended = e.endSent
	e.gone = e.gone || e.ended
	e.wakeWaiting()
}

// Lose ends the run: its row is not the run's any more, or left to whoever settles it.
func (e *Entry) Lose() {
	e.mu.Lock()
	e.gone = true
	e.wakeWaiting()
	e.mu.Unlock()
	e.run.EndLife(plan.ErrLeaseLost)
}

// Close ends the entry: the run writes nothing more. It returns whether the type's
// next job was claimed as the run ended.
func (e *Entry) Close() (claimedNext bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	e.wakeWaiting()
	return e.claimedNext
}

// Live reports whether the run may still write.
func (e *Entry) Live() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.gone
}

// Busy reports whether the type's next job has to wait for this run: until its end is
// written, though its goroutine may have a little more to do then.
func (e *Entry) Busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.ended
}

// Gone is Live, negated, for callers that hold the run's lock.
func (e *Entry) Gone() bool { return e.gone }

// Rejected is why the database does not take the run's record, nil if it does. The
// run's lock is held.
func (e *Entry) Rejected() error { return e.rejected }

// ClearRejected lets the run write again, which has something else to write now. The
// run's lock is held.
func (e *Entry) ClearRejected() { e.rejected = nil }

// isRejected reports whether the run is about to end because the database rejects its
// record: until that end is known it has nothing to write, and least of all another
// end.
func (e *Entry) isRejected() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rejected != nil
}

// Reject forgets what the database does not take for this run alone, so that the run
// can fail with the reason.
func (e *Entry) Reject(err error) {
	e.log.Error("the database rejects this run's record; failing the job", append(e.run.LogAttrs(), "error", e.run.Shown(err.Error()))...)
	e.mu.Lock()
	e.rejected = err
	e.run.Discard()
	e.wakeWaiting()
	e.mu.Unlock()
	e.run.EndLife(err)
}

// notWritten makes what the last write had be written again.
func (e *Entry) notWritten() {
	if e.failingSince.IsZero() {
		e.failingSince = time.Now()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run.Restore()
}

// Hold keeps the entry out of flushes, and returns once it is in none. Release must
// follow, unless Hold fails because ctx has ended.
func (e *Entry) Hold(ctx context.Context) error {
	m := e.marks
	m.mu.Lock()
	e.held = true
	free := make(chan struct{})
	if e.inFlight {
		e.free = free
	} else {
		close(free)
	}
	m.mu.Unlock()
	select {
	case <-free:
		return nil
	case <-ctx.Done():
		e.Release()
		return context.Cause(ctx)
	}
}

// Release lets the entry into flushes again.
func (e *Entry) Release() {
	m := e.marks
	m.mu.Lock()
	e.held, e.free = false, nil
	m.mu.Unlock()
	m.wakeUp()
}

// Mark has the entry written with the next flush.
func (e *Entry) Mark() {
	m := e.marks
	m.mu.Lock()
	if !e.queued {
		e.queued = true
		m.entries = append(m.entries, e)
	}
	m.mu.Unlock()
	m.wakeUp()
}
