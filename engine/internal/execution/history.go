package execution

import (
	"context"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/steps/plan"
)

const (
	// historyJobs is how many of a type's last jobs say how long its steps
	// typically take, historyAge how long that is believed.
	historyJobs = 9
	historyAge  = time.Minute
)

// history knows how long the steps of recent jobs took. It asks the database
// only for types whose jobs run long enough for people to want an estimate. It is safe
// for concurrent use.
type history struct {
	store *store.Store

	mu    sync.Mutex
	types map[string]typical
}

type typical struct {
	steps     map[string]time.Duration
	jobs      int // of which steps is the median
	read      time.Time
	succeeded int // since the engine began: another one may end while the others are read
}

func newHistory(s *store.Store) *history {
	return &history{store: s, types: make(map[string]typical)}
}

// of returns the typical durations of the type's steps as known now.
func (h *history) of(jobType string) map[string]time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.types[jobType].steps
}

// refresh returns the typical durations of the type's steps, read again if they are
// old. ok is false if they could not be read: the run's own rate is the estimate then.
func (h *history) refresh(ctx context.Context, jobType string) (steps map[string]time.Duration, ok bool) {
	h.mu.Lock()
	known := h.types[jobType]
	h.mu.Unlock()
	if time.Since(known.read) <= historyAge {
		return known.steps, true
	}
	documents, err := h.store.History(ctx, jobType, historyJobs)
	if err != nil {
		return nil, false
	}
	before := known.succeeded
	known = typical{steps: plan.Medians(documents), jobs: len(documents), read: time.Now(), succeeded: before}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.types[jobType].succeeded; now != before {
		known.succeeded, known.read = now, time.Time{}
	}
	h.types[jobType] = known
	return known.steps, true
}

// succeeded notes that another job has ended which says how long steps take: the first
// few make a difference at once.
func (h *history) succeeded(jobType string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.types[jobType]
	known.succeeded++
	if known.jobs < historyJobs {
		known.read = time.Time{}
	}
	h.types[jobType] = known
}
