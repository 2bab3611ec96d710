package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// Worker runs the jobs of some types for one engine. Make one for each start.
type Worker struct {
	Config
	types   []string
	history *history

	// signal wakes the writer, which then looks at what is below.
	signal chan struct{}

	mu       sync.Mutex
	runs     map[runKey]*run
	dirty    []*run
	look     bool                 // somebody said that there may be a due job
	due      map[string]bool      // types of which somebody said so
	prefer   map[string]uuid.UUID // jobs to be claimed before others of their types
	stopping bool
	// graceOver says that the runs' lives have been ended.
	graceOver bool
	// unrecorded are runs that ended here without their end being recorded:
	// they are left to be settled, and not begun again.
	unrecorded map[runKey]bool
	claims     int           // claims under way
	idle       chan struct{} // closed when stopping and nothing runs
}

// runKey tells runs apart: a job that is resumed while its lost run has not
// returned yet has two.
type runKey struct {
	job     uuid.UUID
	attempt int64
}

// New returns a worker.
func New(c Config) *Worker {
	return &Worker{
		Config:  c,
		types:   slices.Sorted(maps.Keys(c.Handlers)),
		history: newHistory(c.Store),
		signal:  make(chan struct{}, 1),
		runs:    make(map[runKey]*run),
		due:     make(map[string]bool),
		prefer:  make(map[string]uuid.UUID),

		unrecorded: make(map[runKey]bool),
		idle:       make(chan struct{}),
	}
}

// startTime is for how long a start tries to reach the database: it may be about to
// come back, or somebody else may be in the way.
const startTime = 10 * time.Second

// makeLocks makes the locks of the worker's types.
func (w *Worker) makeLocks(ctx context.Context) error {
	began := time.Now()
	for pause := newPause(); ; {
		err := w.Store.EnsureLocks(ctx, w.types)
		if err == nil || ctx.Err() != nil || time.Since(began) > startTime {
			return err
		}
		w.Log.Warn("cannot start; trying again", "error", err)
		if !wait(ctx, pause.NextBackOff()) {
			return ctx.Err()
		}
	}
}

// Run claims and runs jobs until ctx ends, and returns after everything it
// started has ended: it stops claiming, gives the running steps their grace to
// reach a boundary, ends their contexts, hands the jobs over, and only then
// stops writing records and renewing leases.
func (w *Worker) Run(ctx context.Context) error {
	switch err := w.makeLocks(ctx); {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("start: %w", err)
	}
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var group sync.WaitGroup
	group.Go(func() { w.write(base) })
	group.Go(func() { w.keep(base) })
	group.Go(func() { w.sweep(base) })
	if w.Listener != nil {
		group.Go(func() { w.listen(base) })
	}
	<-ctx.Done()
	w.stop()
	end()
	group.Wait()
	return nil
}

// stop ends claiming and returns once all runs have ended.
func (w *Worker) stop() {
	w.mu.Lock()
	w.stopping = true
	w.checkIdle()
	for _, r := range w.runs {
		r.stop()
	}
	w.mu.Unlock()
	grace := time.NewTimer(w.Grace)
	defer grace.Stop()
	select {
	case <-w.idle:
		return
	case <-grace.C:
	}
	w.mu.Lock()
	w.graceOver = true // for runs that a claim under way still begins
	w.mu.Unlock()
	for _, r := range w.current() {
		w.Log.Info("grace is over: ending the step", r.attrs()...)
		r.endLife(steps.ErrShutdown)
	}
	<-w.idle
}

// stops reports whether the engine is stopping.
func (w *Worker) stops() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping
}

// checkIdle closes idle when nothing runs or can begin. The lock is held.
func (w *Worker) checkIdle() {
	if w.stopping && w.claims == 0 && len(w.runs) == 0 {
		select {
		case <-w.idle:
		default:
			close(w.idle)
		}
	}
}

// current returns the runs of this moment.
func (w *Worker) current() []*run {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.runs))
}

// Look has the writer look for due jobs now.
func (w *Worker) Look() {
	w.mu.Lock()
	w.look = true
	w.mu.Unlock()
	w.wake()
}

// Due has the writer claim a job of these types, which are said to have one
// that is due. Where fewer jobs may run than there are types, it looks which of
// all types has waited longest.
func (w *Worker) Due(types ...string) {
	w.mu.Lock()
	for _, t := range types {
		if _, ok := w.Handlers[t]; ok && w.placesForAll() {
			w.due[t] = true
		} else {
			w.look = w.look || ok
		}
	}
	w.mu.Unlock()
	w.wake()
}

// placesForAll reports whether a job of each type may run at once.
func (w *Worker) placesForAll() bool { return w.MaxRunning == 0 || w.MaxRunning >= len(w.types) }

// DueFirst is Due, with a job that is to be claimed before the others of its
// type.
func (w *Worker) DueFirst(jobType string, id uuid.UUID) {
	w.mu.Lock()
	if _, ok := w.Handlers[jobType]; ok {
		w.prefer[jobType] = id
	}
	w.mu.Unlock()
	w.Due(jobType)
}

func (w *Worker) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// find returns the run of that job, the latest if an earlier one is about to
// return, or nil.
func (w *Worker) find(id uuid.UUID) *run {
	w.mu.Lock()
	defer w.mu.Unlock()
	var latest *run
	for key, r := range w.runs {
		if key.job == id && (latest == nil || key.attempt > latest.job.Attempt) {
			latest = r
		}
	}
	return latest
}

// Cancel passes a cancel request that is in the database already to the run of
// that job, and reports whether it is here.
func (w *Worker) Cancel(id uuid.UUID) bool {
	r := w.find(id)
	if r != nil {
		r.requestCancel()
	}
	return r != nil
}

// ErrNotHere is returned for a job that does not run in this process.
var ErrNotHere = errors.New("job does not run in this process")

// Decide sets how the run of that job ends once its step under way has
// returned: succeeded or failed, with a result.
func (w *Worker) Decide(id uuid.UUID, d Decision) error {
	r := w.find(id)
	if r == nil {
		return ErrNotHere
	}
	return r.decide(d)
}

// begin starts the run of a job that this engine has claimed.
func (w *Worker) begin(ctx context.Context, j *model.Job, claimed time.Time) {
	w.mu.Lock()
	key := runKey{j.ID, j.Attempt}
	if _, ok := w.runs[key]; ok || w.unrecorded[key] {
		w.mu.Unlock()
		return
	}
	r := newRun(ctx, w, j, claimed)
	w.runs[key] = r
	if w.stopping {
		r.stop()
	}
	if w.graceOver {
		r.endLife(steps.ErrShutdown)
	}
	w.mu.Unlock()
	go func() {
		recorded := r.execute()
		r.close()
		w.mu.Lock()
		delete(w.runs, key)
		if !recorded {
			w.unrecorded[key] = true
		}
		w.look = w.look || !r.handedOn
		w.checkIdle()
		w.mu.Unlock()
		w.wake()
	}()
}

// mark has the writer write the run.
func (w *Worker) mark(r *run) {
	w.mu.Lock()
	if !r.queued {
		r.queued = true
		w.dirty = append(w.dirty, r)
	}
	w.mu.Unlock()
	w.wake()
}

// startClaim reports whether claiming is allowed; endClaim must follow.
func (w *Worker) startClaim() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping {
		return false
	}
	w.claims++
	return true
}

func (w *Worker) endClaim() {
	w.mu.Lock()
	w.claims--
	w.checkIdle()
	w.mu.Unlock()
}
