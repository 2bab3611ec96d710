package journal

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// Claims is what the journal needs of the runs to claim jobs: a flush that ends runs also
// claims the next jobs of their types.
type Claims interface {
	// StartClaim reports whether jobs may be claimed now. If so, the caller must call
	// EndClaim when the claimed jobs have begun.
	StartClaim() bool
	EndClaim()
	// Begin begins the run of a claimed job. claimed is when the claim was sent.
	Begin(ctx context.Context, j *model.Job, claimed time.Time)
	// FlushFailed reports that a flush has failed.
	FlushFailed()
}

// Config is what a journal needs. All fields are required.
type Config struct {
	Store  *store.Store
	Owner  store.Owner
	Log    *slog.Logger
	Claims Claims
	// Types are the job types that the engine runs.
	Types []string
	// ClaimNext says that a flush may claim the next jobs of the types whose runs it
	// ends.
	ClaimNext bool
}

// inFlightBatch is a flush under way, and its outcome once it has finished.
type inFlightBatch struct {
	entries []*Entry
	writes  []store.Write
	ends    bool // some of the writes end runs
	claims  bool
	began   time.Time
	done    store.Flushed
	err     error
	late    bool // it has failed because its time was up
}

// Journal writes the rows of an engine's runs.
type Journal struct {
	Config

	marks marks
	// finished brings the outcomes of flushes.
	finished chan *inFlightBatch

	// The flushing goroutine alone uses what is below.

	// inFlight is the number of flushes in flight. An entry is in one of them at most.
	inFlight int
	delays   *backoff.ExponentialBackOff
	// failures counts failed flushes in a row. After one, pausing is set until retry
	// fires.
	failures int
	retry    *time.Timer
	pausing  bool
	// uncertain is set when a transaction that may have claimed jobs has failed: until
	// then it may still take effect. reconciled is the time of the last [Journal.Reconcile].
	uncertain, reconciled time.Time
}

// New returns a journal without entries.
func New(c Config) *Journal {
	return &Journal{
		Config: c, marks: marks{wake: make(chan struct{}, 1)}, finished: make(chan *inFlightBatch),
		delays: pause.New(), retry: time.NewTimer(0),
	}
}

// Open returns a new entry for a run. mu is the run's lock.
func (j *Journal) Open(key store.LockedRun, mu *sync.Mutex, run Run) *Entry {
	return &Entry{marks: &j.marks, log: j.Log, run: run, key: key, mu: mu}
}

// Wake is signalled when there is something to flush.
func (j *Journal) Wake() <-chan struct{} { return j.marks.wake }

// Retry fires when the pause after a failed flush is over. The receiver must call EndPause.
func (j *Journal) Retry() <-chan time.Time { return j.retry.C }

// EndPause allows the next flush to begin.
func (j *Journal) EndPause() { j.pausing = false }

// Failing reports whether the last flush has failed. As long as it has, nothing else should
// be sent to the database.
func (j *Journal) Failing() bool { return j.failures > 0 }

// limit bounds the time of one transaction.
func (j *Journal) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, j.Owner.Lease)
}

// nextBatch removes up to limit entries from the marked ones and returns them. It leaves
// those that are in a flush already or must not be written now.
func (m *marks) nextBatch(limit int) (batch []*Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = slices.DeleteFunc(m.entries, func(e *Entry) bool {
		switch {
		case (e.inFlight || e.held || e.isRejected()) && e.Live() || len(batch) == limit:
			return false
		case e.Live():
			batch = append(batch, e)
			e.inFlight = true
		}
		e.queued = false
		return true
	})
	return batch
}

// clearInFlight notes that the entries of a batch are in no flush any more.
func (m *marks) clearInFlight(batch []*Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range batch {
		e.inFlight = false
		if e.free != nil {
			close(e.free)
			e.free = nil
		}
	}
}
