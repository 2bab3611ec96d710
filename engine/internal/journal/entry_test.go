package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// ends is a run that only writes its end.
type ends struct {
	mu        sync.Mutex
	end       model.Status
	discarded bool
	decided   bool
	cause     error
}

func (r *ends) Snapshot() store.Write       { return store.Write{End: r.end} }
func (r *ends) Restore()                    {}
func (r *ends) Discard()                    { r.discarded = true }
func (r *ends) RequestCancel()              {}
func (r *ends) NoteDecision()               { r.decided = true }
func (r *ends) Reopen()                     { r.end = "" }
func (r *ends) EndLife(cause error)         { r.cause = cause }
func (r *ends) LogAttrs() []any             { return nil }
func (r *ends) Redacted(text string) string { return text }

func open(t *testing.T) (*Journal, *Entry, *ends) {
	t.Helper()
	j := New(Config{Log: slog.New(slog.DiscardHandler), Owner: store.Owner{Lease: time.Hour}})
	r := &ends{}
	return j, j.Open(store.LockedRun{Type: "test:job", JobID: uuid.New(), Attempt: 1}, &r.mu, r), r
}

// The database has rejected a run's record, and the run is about to end in another way
// before it knows that: nothing is written until the run has replaced what it writes.
func TestARejectedEntryIsNotFlushedUntilItHasSomethingElseToWrite(t *testing.T) {
	t.Parallel()
	j, e, r := open(t)
	rejection := errors.New("check constraint")
	e.Reject(rejection)
	assert.True(t, r.discarded)
	assert.Equal(t, rejection, r.cause)

	err := e.Write(func() { r.end = model.Succeeded }, nil)
	require.ErrorIs(t, err, rejection)
	require.Empty(t, j.marks.nextBatch(store.MaxBatch), "that it has succeeded is not to be written: its record is not there")

	written := make(chan error, 1)
	go func() { written <- e.Write(func() { e.ClearRejected(); r.end = model.Failed }, nil) }()
	require.Equal(t, []*Entry{e}, nextEntries(t, j))
	assert.Equal(t, model.Failed, e.Send().End)
	e.Confirm(store.Ack{}, false)
	require.NoError(t, <-written)
}

// nextEntries waits until an entry is marked, and returns the next batch.
func nextEntries(t *testing.T, j *Journal) []*Entry {
	t.Helper()
	for {
		if batch := j.marks.nextBatch(store.MaxBatch); len(batch) > 0 {
			return batch
		}
		select {
		case <-j.Wake():
		case <-time.After(time.Minute):
			require.Fail(t, "no entry is marked")
		}
	}
}

func TestAWriteIsConfirmedByItsFlush(t *testing.T) {
	t.Parallel()
	j, e, _ := open(t)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- e.Write(func() {}, nil) }()
	nextEntries(t, j)
	write := e.Send()
	assert.Equal(t, int64(1), write.Number)
	edited := make(chan struct{})
	go func() { second <- e.Write(func() { close(edited) }, nil) }()
	<-edited
	e.Confirm(store.Ack{}, false)
	require.NoError(t, <-first)
	j.marks.clearInFlight([]*Entry{e})
	nextEntries(t, j)
	assert.Equal(t, int64(2), e.Send().Number, "the write that came meanwhile goes with the next flush")
	e.Confirm(store.Ack{}, false)
	require.NoError(t, <-second)
}

func TestOnlyTheWriteItselfIsGivenUp(t *testing.T) {
	t.Parallel()
	_, e, r := open(t)
	giveUp := make(chan struct{})
	close(giveUp)
	require.ErrorIs(t, e.Write(func() {}, giveUp), ErrGaveUp)
	assert.True(t, e.Live())
	e.Lose()
	assert.False(t, e.Live())
	assert.ErrorIs(t, r.cause, plan.ErrLeaseLost)
	require.ErrorIs(t, e.Write(func() {}, nil), plan.ErrLeaseLost)
}

func TestAHeldEntryIsNotFlushed(t *testing.T) {
	t.Parallel()
	j, e, _ := open(t)
	require.NoError(t, e.Hold(t.Context()))
	e.Mark()
	require.Empty(t, j.marks.nextBatch(store.MaxBatch), "it is held")
	e.Release()
	require.Len(t, j.marks.nextBatch(store.MaxBatch), 1)
	e.Mark()
	require.Empty(t, j.marks.nextBatch(store.MaxBatch), "it is in a flush")

	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, e.Hold(ended), context.Canceled, "the flush has not finished")
	j.marks.clearInFlight([]*Entry{e})
	require.NoError(t, e.Hold(t.Context()))
	require.Empty(t, j.marks.nextBatch(store.MaxBatch))
	e.Release()
	require.Len(t, j.marks.nextBatch(store.MaxBatch), 1)
}

// The database has not written an end, because the row has a decision that the run does not
// know.
func TestAnEndThatADecisionHasOvertakenIsWithdrawn(t *testing.T) {
	t.Parallel()
	j, e, r := open(t)
	written := make(chan error, 1)
	go func() { written <- e.Write(func() { r.end = model.Succeeded }, nil) }()
	require.Equal(t, []*Entry{e}, nextEntries(t, j))
	assert.Equal(t, model.Succeeded, e.Send().End)
	j.marks.clearInFlight([]*Entry{e})
	e.reopen()
	require.ErrorIs(t, <-written, ErrDecided)
	assert.True(t, r.decided)
	assert.Empty(t, r.end, "what the next flush writes is no end")
	assert.True(t, e.Live())

	go func() { written <- e.Write(func() { r.end = model.Failed }, nil) }()
	require.Equal(t, []*Entry{e}, nextEntries(t, j))
	assert.Equal(t, model.Failed, e.Send().End)
	e.Confirm(store.Ack{}, false)
	require.NoError(t, <-written)
	assert.False(t, e.Live())
}
