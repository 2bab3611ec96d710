package execution

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

const (
	// historyJobs is the number of a type's last jobs that estimates are based on, and
	// historyAge the time after which they are read again.
	historyJobs = 20
	historyAge  = time.Minute
)

// History holds how the steps of recent jobs went. It reads the database only for types whose
// jobs run so long that an estimate is useful. It is safe for concurrent use.
type History struct {
	store *store.Store

	mu    sync.Mutex
	types map[string]Typical
}

// Typical is how the last jobs of a type went, the latest first.
type Typical struct {
	Runs []progress.Samples
	// silences are the times without a sign of progress that are usual for the steps.
	silences  map[string]time.Duration
	steps     []model.StepRecord // of the latest job
	read      time.Time          // when it was read
	succeeded int                // jobs since the engine began: one may end during a read
}

// Steps returns the records of the latest job, without their outputs; nil if there is none.
func (t Typical) Steps() []model.StepRecord { return t.steps }

// NewHistory returns the history of the jobs in a store.
func NewHistory(s *store.Store) *History {
	return &History{store: s, types: make(map[string]Typical)}
}

// Known returns how the last jobs of the type went, as far as known now.
func (h *History) Known(jobType string) Typical {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.types[jobType]
}

// Of returns how the last jobs of the type went, and reads them again if that is old.
func (h *History) Of(ctx context.Context, jobType string) (Typical, error) {
	known := h.Known(jobType)
	if !known.read.IsZero() && time.Since(known.read) <= historyAge {
		return known, nil
	}
	documents, err := h.store.History(ctx, jobType, historyJobs)
	if err != nil {
		return Typical{}, err
	}
	before := known.succeeded
	known = newTypical(documents)
	known.read, known.succeeded = time.Now(), before
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.types[jobType].succeeded; now != before {
		known.succeeded, known.read = now, time.Time{}
	}
	h.types[jobType] = known
	return known, nil
}

// hasSucceeded counts another succeeded job of a type. As long as there are few of them, they
// are read again at once.
func (h *History) hasSucceeded(jobType string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.types[jobType]
	known.succeeded++
	if len(known.Runs) < historyJobs {
		known.read = time.Time{}
	}
	h.types[jobType] = known
}

func newTypical(documents []model.Data) (t Typical) {
	t.Runs = make([]progress.Samples, len(documents))
	t.silences = make(map[string]time.Duration)
	silences := make(map[string][]time.Duration)
	var again []progress.Samples // samples of steps that were attempted more than once
	for k, d := range documents {
		t.Runs[k] = make(progress.Samples, len(d.Steps))
		again = append(again, make(progress.Samples))
		for _, record := range d.Steps {
			sample, ok := sampleOf(record)
			switch {
			case !ok:
			case record.Attempts > 1:
				again[k][record.Name] = sample
			default:
				t.Runs[k][record.Name] = sample
			}
			if record.Status == model.StepCompleted {
				silences[record.Name] = append(silences[record.Name], time.Duration(record.SilenceMS)*time.Millisecond)
			}
		}
	}
	t.addMissing(again)
	for name, all := range silences {
		slices.Sort(all)
		t.silences[name] = all[len(all)/2]
	}
	if len(documents) > 0 {
		t.steps = documents[0].Steps
		for i := range t.steps {
			t.steps[i].Output = nil
		}
	}
	return t
}

// addMissing adds the samples of steps that no job has completed in its first attempt. Others
// are better: a later attempt may have continued from a checkpoint.
func (t *Typical) addMissing(again []progress.Samples) {
	known := make(map[string]bool)
	for _, run := range t.Runs {
		for name := range run {
			known[name] = true
		}
	}
	for k, run := range again {
		for name, sample := range run {
			if !known[name] {
				t.Runs[k][name] = sample
			}
		}
	}
}

// sampleOf returns how a step went: a skipped one took no time, and one that has not completed
// shows nothing.
func sampleOf(record model.StepRecord) (progress.Sample, bool) {
	switch record.Status {
	case model.StepCompleted:
		return progress.Sample{
			Duration: time.Duration(record.DurationMS) * time.Millisecond, Size: record.Size, Silent: !record.Reports,
		}, true
	case model.StepSkipped:
		return progress.Sample{Silent: true}, true
	default:
		return progress.Sample{}, false
	}
}

// When a step is taken to be stalled: after stallFactor times the silence that is usual for
// it, but not before leastStall, and after unknownStall if nothing is known of it.
const (
	stallFactor  = 5
	leastStall   = 10 * time.Second
	unknownStall = 2 * time.Minute
)

// stallAfter returns after which time without a sign of progress a step is stalled.
func (t Typical) stallAfter(step string) time.Duration {
	usual, ok := t.silences[step]
	if !ok {
		return unknownStall
	}
	return max(leastStall, stallFactor*usual)
}
