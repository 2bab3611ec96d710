package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

const (
	// historyJobs is how many of a type's last jobs tell how long its steps
	// typically take, historyAge how long that is believed.
	historyJobs = 9
	historyAge  = time.Minute
)

// history knows how long the steps of recent jobs took. It asks the database
// only for types whose jobs run long enough for people to want an estimate.
type history struct {
	store *store.Store

	mu    sync.Mutex
	types map[string]typical
}

type typical struct {
	steps     map[string]time.Duration
	jobs      int // that tell
	read      time.Time
	succeeded int // since the engine began: another one may come while the others are read
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

// refresh reads what is known of the run's type if that is old, and tells the
// run. A failure leaves the estimate to the run's own rate.
func (h *history) refresh(ctx context.Context, r *run) {
	h.mu.Lock()
	known := h.types[r.job.Type]
	h.mu.Unlock()
	if time.Since(known.read) > historyAge {
		documents, err := h.store.History(ctx, r.job.Type, historyJobs)
		if err != nil {
			return
		}
		before := known.succeeded
		known = typical{steps: medians(documents), jobs: len(documents), read: time.Now(), succeeded: before}
		h.mu.Lock()
		if now := h.types[r.job.Type].succeeded; now != before {
			known.succeeded, known.read = now, time.Time{}
		}
		h.types[r.job.Type] = known
		h.mu.Unlock()
	}
	r.mu.Lock()
	tracker := r.tracker
	r.mu.Unlock()
	if tracker != nil {
		tracker.SetHistory(known.steps)
	}
}

// succeeded notes that there is another job that tells: the first few make a
// difference at once.
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

// medians returns the median duration of each step.
func medians(documents []model.Data) map[string]time.Duration {
	all := make(map[string][]int64)
	for _, d := range documents {
		for _, record := range d.Steps {
			switch record.Status {
			case model.StepCompleted:
				all[record.Name] = append(all[record.Name], record.DurationMS)
			case model.StepSkipped:
				all[record.Name] = append(all[record.Name], 0)
			}
		}
	}
	out := make(map[string]time.Duration, len(all))
	for name, durations := range all {
		slices.Sort(durations)
		out[name] = time.Duration(durations[len(durations)/2]) * time.Millisecond
	}
	return out
}
