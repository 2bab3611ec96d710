package execution

import (
	"context"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/steps/plan"
)

const (
	// historyJobs is the number of a type's last jobs whose durations are used, and
	// historyAge the time after which they are read again.
	historyJobs = 9
	historyAge  = time.Minute
)

// history holds how long the steps of recent jobs took. It reads the database only for
// types whose jobs run so long that an estimate is useful. It is safe for concurrent use.
type history struct {
	store *store.Store

	mu    sync.Mutex
	types map[string]typical
}

// typical holds the typical durations of one type's steps.
type typical struct {
	steps     map[string]time.Duration // the median for each step
	jobs      int                      // how many jobs they are based on
	read      time.Time                // when they were read
	succeeded int                      // jobs since the engine began: one may end during a read
}

func newHistory(s *store.Store) *history {
	return &history{store: s, types: make(map[string]typical)}
}

// of returns the typical durations of the type's steps, as far as known now.
func (h *history) of(jobType string) map[string]time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.types[jobType].steps
}

// refresh returns the typical durations of the type's steps, and reads them again if they
// are old. ok is false if they could not be read: then the estimate is based on the run's
// own speed.
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

// succeeded counts another succeeded job of a type. As long as there are few of them, the
// durations are read again at once.
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
