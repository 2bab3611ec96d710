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

// Run is what the journal needs of a run. Snapshot, Restore, Discard and Reopen are called
// with the run's lock held, the other methods without it.
type Run interface {
	// Snapshot returns the changes to write, and marks them as sent.
	Snapshot() store.Write
	// Restore marks the changes of the last snapshot as not written.
	Restore()
	// Discard drops the changes of the document and the checkpoints.
	Discard()
	// RequestCancel cancels the run: its row has a cancel request.
	RequestCancel()
	// NoteDecision says that the run's row has a decision.
	NoteDecision()
	// Reopen withdraws the run's end, which the database has not taken.
	Reopen()
	// EndLife ends the run's context with a cause.
	EndLife(cause error)
	// LogAttrs returns attributes that identify the run in a log.
	LogAttrs() []any
	// Redacted returns an error text without the values that a log must not contain.
	Redacted(text string) string
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

// Entry is a run's place in the journal: it holds what is known of the run's writes, and
// who waits for them. Make one with [Journal.Open].
type Entry struct {
	marks *marks
	log   *slog.Logger
	run   Run
	key   store.LockedRun

	// The journal's lock guards these. queued says that the entry is marked, inFlight
	// that it is in a flush, and held that it stays out of flushes. free is closed when
	// the entry is in no flush; it is nil if no goroutine waits for that.
	queued, inFlight, held bool
	free                   chan struct{}

	// Only the goroutine that writes the entry uses these: the flushing one, or the one
	// that holds the entry. All writes have failed since failingSince. Since
	// rejectingSince they have failed although the database accepted another write to
	// the same rows. The zero time means that the last write succeeded.
	failingSince, rejectingSince time.Time

	mu *sync.Mutex // the run's; it guards the fields below
	// version counts the changes that a goroutine waits for. sent is the version in the
	// write in flight, and written the version in the database.
	version, sent, written uint64
	number                 int64 // of the last write that was sent
	waiting                []chan struct{}
	endSent                bool  // whether the write in flight ends the run
	ended                  bool  // whether the run's end is written
	gone                   bool  // whether the row is no longer this run's
	claimedNext            bool  // whether the type's next job was claimed with the run's end
	rejected               error // why the database rejects the run's record, nil if it does not
	// reopened is the version of the last write that was an end without the row's decision.
	reopened uint64
}

// ErrGaveUp means that giveUp was closed before [Entry.Write] knew the outcome.
var ErrGaveUp = errors.New("gave up waiting for the write to be confirmed")

// ErrDecided means that the run has to end in another way: its row has a decision that the
// end does not take into account. The end was not written.
var ErrDecided = errors.New("how the job ends was decided meanwhile")

// Write calls edit, which changes the run's state, with the run's lock held, and waits
// until the change is in the database. It returns plan.ErrLeaseLost if the row is no longer
// the run's, the database's error if the database rejects this write while it accepts
// others, [ErrDecided] for an end that a decision has overtaken, and [ErrGaveUp] if giveUp is
// closed before the outcome is known.
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

// outcome returns the outcome of writing a version. If it is not known yet, it returns a
// channel that is closed when it may be.
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
	case e.reopened >= version:
		return nil, ErrDecided
	}
	done := make(chan struct{})
	e.waiting = append(e.waiting, done)
	return done, nil
}

// wakeWaiting makes all waiting goroutines call outcome again. The run's lock is held.
func (e *Entry) wakeWaiting() {
	for _, done := range e.waiting {
		close(done)
	}
	e.waiting = nil
}

// Send returns the write to make now. The caller makes it, and then calls [Entry.Confirm],
// or restores the run if it failed. Until then no other goroutine writes the entry.
func (e *Entry) Send() store.Write {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.number++
	write := e.run.Snapshot()
	write.Type, write.JobID, write.Attempt, write.Number = e.key.Type, e.key.JobID, e.key.Attempt, e.number
	e.sent, e.endSent = e.version, write.End != ""
	return write
}

// Confirm records that the last write is in the database, and whether the next job of the
// type was claimed with it.
func (e *Entry) Confirm(ack store.Ack, claimedNext bool) {
	e.failingSince, e.rejectingSince = time.Time{}, time.Time{}
	if ack.Cancelled {
		e.run.RequestCancel() // before the step that waits for this may continue
	}
	if ack.Decided {
		e.run.NoteDecision() // the same
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.written, e.claimedNext = e.sent, claimedNext
	e.ended = e.endSent
	e.gone = e.gone || e.ended
	e.wakeWaiting()
}

// reopen withdraws the end that was sent: the row has a decision that it does not take into
// account.
func (e *Entry) reopen() {
	e.failingSince, e.rejectingSince = time.Time{}, time.Time{}
	e.run.NoteDecision()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run.Restore()
	e.run.Reopen()
	e.reopened = e.sent
	e.wakeWaiting()
}

// Lose ends the run because its row is no longer the run's, or because the run is left to
// be settled.
func (e *Entry) Lose() {
	e.mu.Lock()
	e.gone = true
	e.wakeWaiting()
	e.mu.Unlock()
	e.run.EndLife(plan.ErrLeaseLost)
}

// Close ends the entry: the run writes nothing more. It reports whether the type's next job
// was claimed with the run's end.
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

// Busy reports whether the type's next job must wait for this run: it must until the run's
// end is written. The run's goroutine may return a little later.
func (e *Entry) Busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.ended
}

// Gone reports whether the row is no longer the run's: the opposite of Live, for callers
// that hold the run's lock.
func (e *Entry) Gone() bool { return e.gone }

// Rejected returns why the database rejects the run's record, nil if it does not. The run's
// lock is held.
func (e *Entry) Rejected() error { return e.rejected }

// ClearRejected allows the run to write again, after it has changed what it writes. The
// run's lock is held.
func (e *Entry) ClearRejected() { e.rejected = nil }

// isRejected reports whether the run is about to end because the database rejects its
// record. Until it knows how it ends it must write nothing, least of all another end.
func (e *Entry) isRejected() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rejected != nil
}

// Reject drops the changes that the database rejects for this run alone, and ends the run,
// so that it can fail with the reason.
func (e *Entry) Reject(err error) {
	e.log.Error("the database rejects this run's record; failing the job", append(e.run.LogAttrs(), "error", e.run.Redacted(err.Error()))...)
	e.mu.Lock()
	e.rejected = err
	e.run.Discard()
	e.wakeWaiting()
	e.mu.Unlock()
	e.run.EndLife(err)
}

// writeFailed marks the changes of the last write as not written.
func (e *Entry) writeFailed() {
	if e.failingSince.IsZero() {
		e.failingSince = time.Now()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run.Restore()
}

// Hold keeps the entry out of flushes, and returns once it is in none. The caller must call
// Release, unless Hold returns an error because ctx has ended.
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

// Release allows flushes to write the entry again.
func (e *Entry) Release() {
	m := e.marks
	m.mu.Lock()
	e.held, e.free = false, nil
	m.mu.Unlock()
	m.wakeUp()
}

// Mark makes the next flush write the entry.
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
