package execution

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/engine/internal/lease"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Runs holds the runs of an engine. It is safe for concurrent use.
type Runs struct {
	Config
	// Journal and Dispatch are set before the first run begins.
	Journal  *journal.Journal
	Dispatch Dispatch

	mu   sync.Mutex
	runs map[runKey]*run
	// stopping says that no more claims may start, graceOver that the lives of all runs
	// have been ended.
	stopping  bool
	graceOver bool
	// unrecorded holds the runs that ended here without their end being recorded: they
	// are left to be settled, and must not begin again.
	unrecorded map[runKey]bool
	claims     int           // how many claims are in progress
	idle       chan struct{} // closed when stopping and nothing runs
}

// runKey identifies a run. A job has two runs if it was resumed before its lost run has
// returned.
type runKey struct {
	job     uuid.UUID
	attempt int64
}

// New returns an empty Runs.
func New(c Config) *Runs {
	return &Runs{
		Config: c, runs: make(map[runKey]*run),
		unrecorded: make(map[runKey]bool), idle: make(chan struct{}),
	}
}

// Begin begins the run of a job that this engine has claimed. claimed is when the claim was
// sent. It does nothing if the run has begun already.
func (rs *Runs) Begin(ctx context.Context, j *model.Job, claimed time.Time) {
	rs.mu.Lock()
	key := runKey{j.ID, j.Attempt}
	if _, ok := rs.runs[key]; ok || rs.unrecorded[key] {
		rs.mu.Unlock()
		return
	}
	r := newRun(ctx, &rs.Config, rs.Journal, rs.Dispatch, j, claimed)
	rs.runs[key] = r
	if rs.stopping {
		r.handOver()
	}
	if rs.graceOver {
		r.endLife(plan.ErrShutdown)
	}
	rs.mu.Unlock()
	go func() {
		recorded := r.execute()
		claimedNext := r.close()
		rs.remove(key, recorded)
		rs.Dispatch.Ended(claimedNext)
		rs.EndClaim()
	}()
}

// remove removes a run that has ended. It starts a claim, so that Stop does not return
// before the caller is done; EndClaim must follow.
func (rs *Runs) remove(key runKey, recorded bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.claims++
	delete(rs.runs, key)
	if !recorded {
		rs.unrecorded[key] = true
	}
}

// StartClaim reports whether jobs may be claimed now. If so, the caller must call EndClaim
// when the claimed jobs have begun.
func (rs *Runs) StartClaim() bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.stopping {
		return false
	}
	rs.claims++
	return true
}

// EndClaim ends a claim.
func (rs *Runs) EndClaim() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.claims--
	rs.checkIdle()
}

// checkIdle closes idle if nothing runs and nothing can begin. The lock is held.
func (rs *Runs) checkIdle() {
	if rs.stopping && rs.claims == 0 && len(rs.runs) == 0 {
		select {
		case <-rs.idle:
		default:
			close(rs.idle)
		}
	}
}

// Stop stops claiming and returns when all runs have ended. They have the time grace to
// reach a boundary; then their contexts end.
func (rs *Runs) Stop(grace time.Duration) {
	rs.mu.Lock()
	rs.stopping = true
	rs.checkIdle()
	for _, r := range rs.runs {
		r.handOver()
	}
	rs.mu.Unlock()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-rs.idle:
		return
	case <-timer.C:
	}
	rs.mu.Lock()
	rs.graceOver = true // also for runs that a claim in progress still begins
	rs.mu.Unlock()
	for _, r := range rs.current() {
		r.Log.Info("grace is over: ending the step", r.LogAttrs()...)
		r.endLife(plan.ErrShutdown)
	}
	<-rs.idle
}

// FlushFailed abandons the runs whose lease has expired, if the engine stops.
func (rs *Runs) FlushFailed() {
	rs.mu.Lock()
	stopping := rs.stopping
	rs.mu.Unlock()
	if !stopping {
		return
	}
	for _, r := range rs.current() {
		r.abandon()
	}
}

// Len returns the number of runs.
func (rs *Runs) Len() int {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return len(rs.runs)
}

// Free returns the given types of which no job runs here.
func (rs *Runs) Free(types []string) []string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	busy := make(map[string]bool, len(rs.runs))
	for _, r := range rs.runs {
		busy[r.job.Type] = busy[r.job.Type] || r.entry.Busy()
	}
	return slices.DeleteFunc(slices.Clone(types), func(t string) bool { return busy[t] })
}

// Leases returns the leases of the runs that may still write.
func (rs *Runs) Leases() (leases []*lease.Lease) {
	for _, r := range rs.current() {
		if r.entry.Live() {
			leases = append(leases, r.lease)
		}
	}
	return leases
}

// Tick marks the runs that have progress to write, and reads the cancel requests and
// decisions of all runs. ctx limits its time.
func (rs *Runs) Tick(ctx context.Context) {
	live := make(map[uuid.UUID]*run)
	for _, r := range rs.current() {
		if !r.entry.Live() {
			continue
		}
		live[r.job.ID] = r
		if r.hasProgress() {
			r.entry.Mark()
		}
	}
	if len(live) == 0 {
		return
	}
	requests, err := rs.Store.Requests(ctx, slices.Collect(maps.Keys(live)))
	if err != nil {
		rs.Log.Warn("cannot read cancel requests and decisions", "error", err)
		return
	}
	for _, asked := range requests {
		if asked.Cancelled {
			live[asked.JobID].RequestCancel()
		}
		if asked.Decided {
			live[asked.JobID].NoteDecision()
		}
	}
	for _, r := range live {
		r.refreshHistory(ctx)
		r.lookForStalls()
	}
}

// hasProgress reports whether the run has progress to write.
func (r *run) hasProgress() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progressed()
}

// refreshHistory updates what the run's estimate is based on from the type's last jobs, if
// that is old. If they cannot be read, the estimate is based on what was known before.
func (r *run) refreshHistory(ctx context.Context) {
	typical, err := r.History.Of(ctx, r.job.Type)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || r.tracker == nil || typical.read.Equal(r.historyRead) && !typical.read.IsZero() {
		return
	}
	r.historyRead = typical.read
	r.tracker.SetHistory(typical.Runs...)
}

// lookForStalls writes which of the run's steps have stalled, and which continue.
func (r *run) lookForStalls() {
	usual := r.History.Known(r.job.Type)
	r.mu.Lock()
	begun, changed := r.state.lookForStalls(usual)
	names := make(map[string]time.Duration, len(begun))
	for i, silence := range begun {
		names[r.data.Steps[i].Name] = silence
	}
	r.mu.Unlock()
	if changed {
		r.entry.Mark()
	}
	for name, silence := range names {
		r.Log.Warn("a step makes no progress although its process lives", r.with("step", name, "silent_ms", silence.Milliseconds(), "usual_ms", usual.silences[name].Milliseconds())...)
	}
}

// current returns the runs that exist now.
func (rs *Runs) current() []*run {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return slices.Collect(maps.Values(rs.runs))
}

// find returns the run of that job, or nil. If an earlier run of the job has not returned
// yet, it returns the latest.
func (rs *Runs) find(id uuid.UUID) *run {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var latest *run
	for key, r := range rs.runs {
		if key.job == id && (latest == nil || key.attempt > latest.job.Attempt) {
			latest = r
		}
	}
	return latest
}

// Cancel cancels the run of that job, whose cancel request is in the database already. It
// reports whether the run is here.
func (rs *Runs) Cancel(id uuid.UUID) bool {
	r := rs.find(id)
	if r != nil {
		r.RequestCancel()
	}
	return r != nil
}

// Decide says that a decision on this run is in the database. It reports whether the run is
// here.
func (rs *Runs) Decide(id uuid.UUID, attempt int64, d model.Decision) bool {
	rs.mu.Lock()
	r := rs.runs[runKey{id, attempt}]
	rs.mu.Unlock()
	if r != nil {
		r.decide(d)
	}
	return r != nil
}

// NoteDecision says that the job has a decision in the database.
func (rs *Runs) NoteDecision(id uuid.UUID) {
	if r := rs.find(id); r != nil {
		r.NoteDecision()
	}
}

// WakeParent makes a job due if it waits for children and all of them have ended.
func (rs *Runs) WakeParent(parent uuid.UUID) { rs.wakeParent(parent) }
