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

// Runs are the runs of an engine. It is safe for concurrent use.
type Runs struct {
	Config
	// Journal and Dispatch are set before the first run begins.
	Journal  *journal.Journal
	Dispatch Dispatch

	history *history

	mu   sync.Mutex
	runs map[runKey]*run
	// stopping says that no more claims may start, graceOver that the runs' lives
	// have been ended.
	stopping  bool
	graceOver bool
	// unrecorded are runs that ended here without their end being recorded:
	// they are left to be settled, and not begun again.
	unrecorded map[runKey]bool
	claims     int           // that are under way
	idle       chan struct{} // closed when stopping and nothing runs
}

// runKey tells runs apart: a job that is resumed while its lost run has not
// returned yet has two.
type runKey struct {
	job     uuid.UUID
	attempt int64
}

// New returns an engine's runs, of which there are none yet.
func New(c Config) *Runs {
	return &Runs{
		Config: c, history: newHistory(c.Store), runs: make(map[runKey]*run),
		unrecorded: make(map[runKey]bool), idle: make(chan struct{}),
	}
}

// Begin begins the run of a job that this engine has claimed, by a request sent at
// that time. It does nothing if the run has begun already.
func (rs *Runs) Begin(ctx context.Context, j *model.Job, claimed time.Time) {
	rs.mu.Lock()
	key := runKey{j.ID, j.Attempt}
	if _, ok := rs.runs[key]; ok || rs.unrecorded[key] {
		rs.mu.Unlock()
		return
	}
	r := newRun(ctx, &rs.Config, rs.history, rs.Journal, rs.Dispatch, j, claimed)
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

// StartClaim reports whether jobs may be claimed; EndClaim must follow when those that
// were have begun.
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

// checkIdle closes idle when nothing runs or can begin. The lock is held.
func (rs *Runs) checkIdle() {
	if rs.stopping && rs.claims == 0 && len(rs.runs) == 0 {
		select {
		case <-rs.idle:
		default:
			close(rs.idle)
		}
	}
}

// Stop ends claiming and returns once all runs have ended: they have so much time to
// reach a boundary, and then their contexts end.
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
	rs.graceOver = true // for runs that a claim under way still begins
	rs.mu.Unlock()
	for _, r := range rs.current() {
		r.Log.Info("grace is over: ending the step", r.LogAttrs()...)
		r.endLife(plan.ErrShutdown)
	}
	<-rs.idle
}

// FlushFailed gives up the runs whose lease has expired, if the engine stops.
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

// Len is the number of runs.
func (rs *Runs) Len() int {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return len(rs.runs)
}

// Free returns those of the types of which no job runs here.
func (rs *Runs) Free(types []string) []string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	busy := make(map[string]bool, len(rs.runs))
	for _, r := range rs.runs {
		busy[r.job.Type] = busy[r.job.Type] || r.entry.Busy()
	}
	return slices.DeleteFunc(slices.Clone(types), func(t string) bool { return busy[t] })
}

// Leases are those of the runs that continue.
func (rs *Runs) Leases() (leases []*lease.Lease) {
	for _, r := range rs.current() {
		if r.entry.Live() {
			leases = append(leases, r.lease)
		}
	}
	return leases
}

// Tick marks the runs whose progress is to be written, and looks for cancel requests.
// ctx bounds its time.
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
	requests, err := rs.Store.CancelRequests(ctx, slices.Collect(maps.Keys(live)))
	if err != nil {
		rs.Log.Warn("cannot look for cancel requests", "error", err)
		return
	}
	for _, id := range requests {
		live[id].RequestCancel()
	}
	for _, r := range live {
		r.refreshHistory(ctx)
	}
}

// hasProgress reports whether there is progress to be written.
func (r *run) hasProgress() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progressed()
}

// refreshHistory gives the run's estimate what is known of the type's last jobs.
func (r *run) refreshHistory(ctx context.Context) {
	typical, ok := r.history.refresh(ctx, r.job.Type)
	r.mu.Lock()
	tracker := r.tracker
	r.mu.Unlock()
	if ok && tracker != nil {
		tracker.SetHistory(typical)
	}
}

// current returns the runs of this moment.
func (rs *Runs) current() []*run {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return slices.Collect(maps.Values(rs.runs))
}

// find returns the run of that job, the latest if an earlier one is about to
// return, or nil.
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

// Cancel gives a cancel request that is in the database already to the run of that
// job, and reports whether it is here.
func (rs *Runs) Cancel(id uuid.UUID) bool {
	r := rs.find(id)
	if r != nil {
		r.RequestCancel()
	}
	return r != nil
}

// Decide sets how the run of that job ends once its running step has returned:
// succeeded or failed, with a result.
func (rs *Runs) Decide(id uuid.UUID, d Decision) error {
	r := rs.find(id)
	if r == nil {
		return ErrNotHere
	}
	return r.decide(d)
}

// WakeParent makes a job due that waits for children which have all ended.
func (rs *Runs) WakeParent(parent uuid.UUID) { rs.wakeParent(parent) }
