package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// row is a job as the proof reads it, with a statement of its own.
type row struct {
	ID      string          `bun:"id"`
	Type    string          `bun:"type"`
	Status  model.Status    `bun:"status"`
	Attempt int64           `bun:"attempt"`
	Error   string          `bun:"error"`
	Data    json.RawMessage `bun:"data"`

	records []json.RawMessage // as they are in data
	steps   []model.StepRecord
	undoing bool
	result  json.RawMessage
}

// lock is a row of job_type_lock.
type lock struct {
	Type        string     `bun:"type"`
	LockedUntil model.Time `bun:"locked_until"`
	Owner       string     `bun:"owner"`
	JobID       *string    `bun:"job_id"`
	Attempt     int64      `bun:"attempt"`
}

// run names one claim of a job.
type run struct {
	job     string
	attempt int64
}

const (
	rowsQuery  = "SELECT j.id, j.type, j.status, j.attempt, j.error, j.data FROM job_system_jobs j"
	locksQuery = "SELECT l.type, l.locked_until, l.owner, l.job_id, l.attempt FROM job_type_lock l"
)

// readRows reads jobs, in one statement.
func readRows(ctx context.Context, db *bun.DB, where string, args ...any) (rows []*row, err error) {
	if err := db.NewRaw(rowsQuery+" WHERE "+where+" ORDER BY j.id", args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read job_system_jobs: %w", err)
	}
	for _, r := range rows {
		if err := r.parse(); err != nil {
			return nil, fmt.Errorf("read the data of job %s: %w", r.ID, err)
		}
	}
	return rows, nil
}

func (r *row) parse() error {
	var data struct {
		Steps   []json.RawMessage `json:"steps"`
		Undoing json.RawMessage   `json:"undoing"`
		Result  json.RawMessage   `json:"result"`
	}
	if err := json.Unmarshal(r.Data, &data); err != nil {
		return err
	}
	r.records, r.undoing, r.result = data.Steps, len(data.Undoing) > 0, data.Result
	for _, raw := range data.Steps {
		var step model.StepRecord
		if err := json.Unmarshal(raw, &step); err != nil {
			return err
		}
		r.steps = append(r.steps, step)
	}
	return nil
}

func readLocks(ctx context.Context, db *bun.DB) (locks []lock, err error) {
	if err := db.NewRaw(locksQuery).Scan(ctx, &locks); err != nil {
		return nil, fmt.Errorf("read job_type_lock: %w", err)
	}
	return locks, nil
}

// Watch reads the tables repeatedly while workers change them, and keeps what it has seen:
// what must not change any more, and what must never be. It is safe for concurrent use.
type Watch struct {
	db *bun.DB

	mu sync.Mutex
	// completed are the records that were seen completed, by job and step, and seen when
	// each was first seen.
	completed map[string]map[string]seen
	attempts  map[string]int64
	// leased is until when a run's lock was valid, when it was last seen, by the database's
	// clock.
	leased   map[run]time.Time
	findings []Finding
	looks    int
}

type seen struct {
	at  Moment
	raw string
}

// NewWatch returns a watch that has seen nothing.
func NewWatch(db *bun.DB) *Watch {
	return &Watch{
		db: db, completed: make(map[string]map[string]seen), attempts: make(map[string]int64),
		leased: make(map[run]time.Time),
	}
}

// Keep reads the tables until the function that it returns is called, or the test ends.
func (w *Watch) Keep(t testing.TB, every time.Duration) (stop func()) {
	t.Helper()
	return w.keep(t, every, func(err error) bool { t.Errorf("watch the tables: %v", err); return false })
}

// KeepTrying is Keep for a database with outages.
func (w *Watch) KeepTrying(t testing.TB, every time.Duration) (stop func()) {
	t.Helper()
	return w.keep(t, every, func(error) bool { return true })
}

func (w *Watch) keep(t testing.TB, every time.Duration, goOn func(error) bool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ticks := time.NewTicker(every); ; {
			if err := w.lookSoon(ctx); err != nil && ctx.Err() == nil && !goOn(err) {
				return
			}
			select {
			case <-ctx.Done():
				ticks.Stop()
				return
			case <-ticks.C:
			}
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// Looks returns how often the tables were read.
func (w *Watch) Looks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looks
}

// lookSoon is Look with a timeout: an answer may never come.
func (w *Watch) lookSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return w.Look(ctx)
}

// Look reads the jobs that have begun and not ended, and the locks.
func (w *Watch) Look(ctx context.Context) error {
	rows, err := readRows(ctx, w.db, "j.status = 'processing' OR j.status = 'scheduled' AND j.attempt > 0")
	if err != nil {
		return err
	}
	at := Now()
	locks, err := readLocks(ctx, w.db)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	w.note(rows, at)
	for _, l := range locks {
		if l.JobID != nil {
			w.leased[run{*l.JobID, l.Attempt}] = l.LockedUntil.Time
		}
	}
	return nil
}

// note notes what was read by a moment.
func (w *Watch) note(rows []*row, at Moment) {
	processing := make(map[string]string)
	for _, r := range rows {
		if r.Status == model.Processing {
			if other, two := processing[r.Type]; two {
				w.find(Doubled, r.ID, "is processing, and so is %s of the same type %s", other, r.Type)
			}
			processing[r.Type] = r.ID
		}
		if before := w.attempts[r.ID]; r.Attempt < before {
			w.find(Doubled, r.ID, "has attempt %d after it had %d", r.Attempt, before)
		}
		w.attempts[r.ID] = r.Attempt
		w.noteRecords(r, at)
	}
}

// noteRecords compares the records with what they were, and keeps the new ones.
func (w *Watch) noteRecords(r *row, at Moment) {
	before := w.completed[r.ID]
	if before == nil {
		before = make(map[string]seen)
		w.completed[r.ID] = before
	}
	now := make(map[string]bool)
	for i, step := range r.steps {
		name, raw := step.Name, compact(r.records[i])
		if now[name] {
			w.find(Doubled, r.ID, "has two records of its step %q", name)
		}
		now[name] = true
		old, known := before[name]
		undone := step.Undo != nil && (r.undoing || step.Status == model.StepUndone) // this is noted in the record
		switch {
		case known && old.raw != raw && !undone:
			w.find(Lost, r.ID, "has another record of its step %q than it was completed with:\n  before: %s\n  now:    %s", name, old.raw, raw)
		case !known && step.Status == model.StepCompleted && !r.undoing:
			before[name] = seen{at, raw}
		}
	}
	for name := range before {
		if !now[name] {
			w.find(Lost, r.ID, "has no record any more of its step %q, which was completed", name)
		}
	}
}

// compact returns JSON without the blanks that MariaDB adds when it has changed another
// part of the document.
func compact(raw json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return string(raw)
	}
	return out.String()
}

func (w *Watch) find(what What, job, format string, args ...any) {
	w.findings = append(w.findings, found(what, job, format, args...))
}
