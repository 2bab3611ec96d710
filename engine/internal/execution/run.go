package execution

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/engine/internal/lease"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// run is one attempt of one job in this process.
type run struct {
	*Config
	history  *history
	dispatch Dispatch
	job      *model.Job // as it was claimed; not changed
	entry    *journal.Entry
	lease    *lease.Lease

	// life ends when the run may do nothing more: its lease is lost, or the
	// engine stops. ctx is the steps' and ends with it, or when the job is
	// cancelled or its time is up.
	life    context.Context //nolint:containedctx // the run is what lives and ends with it
	endLife context.CancelCauseFunc
	ctx     context.Context //nolint:containedctx // the same
	cancel  context.CancelCauseFunc
	// handingOver is closed when the engine stops and the job is to be handed over.
	handingOver chan struct{}
	// inTx has room for the one step of the run that may be in a transaction.
	inTx chan struct{}

	signals model.Signals // that had come when the job was claimed
	// childrenShare is the mean progress of the children that a step waits for.
	childrenShare float64

	mu sync.Mutex // guards what is below
	state
	stops stops
	time  workTime
	// decision is how the run ends, as was decided from outside; concluded says that
	// no decision changes that any more.
	decision  *Decision
	concluded bool
}

// newRun returns the run of a job whose claim was sent at that time.
func newRun(ctx context.Context, c *Config, h *history, j *journal.Journal, d Dispatch, job *model.Job, claimed time.Time) *run {
	r := &run{
		Config: c, history: h, dispatch: d, job: job,
		state:       newState(job, c.Limits, clock{base: job.StartedAt.Time, since: time.Now()}),
		handingOver: make(chan struct{}), inTx: make(chan struct{}, 1),
	}
	r.life, r.endLife = context.WithCancelCause(ctx)
	r.ctx, r.cancel = context.WithCancelCause(r.life)
	key := store.LockedRun{Type: job.Type, JobID: job.ID, Attempt: job.Attempt}
	r.entry = j.Open(key, &r.mu, r)
	r.lease = lease.Begin(key, claimed, c.Owner.Lease, r.entry.Mark, r.expire)
	if !job.CancelRequestedAt.IsZero() {
		r.RequestCancel()
	}
	return r
}

// LogAttrs name the run in a log.
func (r *run) LogAttrs() []any {
	return []any{slog.String("job", r.job.ID.String()), slog.String("type", r.job.Type), slog.Int64("attempt", r.job.Attempt)}
}

// with are the log attributes of the run, and some more.
func (r *run) with(attrs ...any) []any { return append(r.LogAttrs(), attrs...) }

// Shown is an error of the run as the log may have it: steps, and the code that reads
// their inputs, put values into their errors.
func (r *run) Shown(text string) string {
	if r.Redact == nil {
		return text
	}
	return r.Redact.Of(r.asRow()).Text(text)
}

// asRow is the job with all that the run knows of its values.
func (r *run) asRow() *model.Job {
	j := *r.job
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.data.Input != nil {
		j.Data = must(json.Marshal(r.data))
	}
	if checkpoints, err := r.checkpoints.JSON(); err == nil {
		j.Checkpoints = checkpoints
	}
	return &j
}

// Snapshot returns what is to be written. The lock is held.
func (r *run) Snapshot() store.Write { return r.snapshot(r.signals) }

// Restore makes what the last snapshot had be written again. The lock is held.
func (r *run) Restore() { r.changes.restore(r.sent) }

// Discard drops what the database does not take. The lock is held.
func (r *run) Discard() { r.changes.discard() }

// EndLife ends the run's context.
func (r *run) EndLife(cause error) { r.endLife(cause) }

// RequestCancel ends the context of the run's steps because the job is to be
// cancelled.
func (r *run) RequestCancel() {
	r.mu.Lock()
	r.stops.cancelled = true
	r.mu.Unlock()
	r.cancel(plan.ErrCancelled)
}

// expire ends the run whose lease could not be renewed in time: another engine
// may take the job over from now on.
func (r *run) expire() {
	r.Log.Warn("the lease could not be renewed in time; ending the run", r.LogAttrs()...)
	r.edit(func() { r.stops.expired = true })
	r.endLife(plan.ErrLeaseLost)
}

// handOver makes the run hand its job over at the next boundary.
func (r *run) handOver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stops.handOver {
		r.stops.handOver = true
		close(r.handingOver)
	}
}

// abandon gives up writing a run whose lease has expired: whoever settles it finds
// what was written before. Only an engine that stops does that; another one waits for
// the database to come back.
func (r *run) abandon() {
	r.mu.Lock()
	expired := r.stops.expired
	r.mu.Unlock()
	if expired {
		r.Log.Warn("stopping without the database: the job is left to be settled as interrupted", r.LogAttrs()...)
		r.entry.Lose()
	}
}

// close ends the run for good. It returns whether the next job of its type was claimed
// with its end.
func (r *run) close() (claimedNext bool) {
	r.lease.End()
	r.edit(r.time.halt)
	claimedNext = r.entry.Close()
	r.endLife(nil)
	return claimedNext
}

// edit changes the run's state without waiting for the database.
func (r *run) edit(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// record is a copy of a step's record.
func (r *run) record(i int) model.StepRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data.Steps[i]
}

// write edits the run's state and waits until the database has what that changed: see
// [journal.Entry.Write]. That the run is to end is no reason to wait no longer: the
// write is all the more wanted then.
func (r *run) write(edit func()) error { return r.entry.Write(edit, nil) }

// writeWithin is write, and waits no longer than until ctx ends.
func (r *run) writeWithin(ctx context.Context, edit func()) error {
	giveUp := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		if r.ctx.Err() == nil {
			close(giveUp)
		}
	})()
	err := r.entry.Write(edit, giveUp)
	if err == journal.ErrGaveUp { //nolint:errorlint // it is never wrapped
		return fmt.Errorf("waiting for the write to be confirmed: %w", context.Cause(ctx))
	}
	return err
}

// interruption says why the run should not continue, or nil.
func (r *run) interruption() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.entry.Gone():
		return plan.ErrLeaseLost
	case r.stops.cancelled:
		return plan.ErrCancelled
	case r.entry.Rejected() != nil:
		return r.entry.Rejected()
	case r.stops.handOver:
		return plan.ErrShutdown
	}
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	return r.time.over()
}

// undoInterruption is interruption while steps are undone, which no cancel request
// ends.
func (r *run) undoInterruption() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.entry.Gone() || r.stops.expired:
		return plan.ErrLeaseLost
	case r.stops.handOver:
		return plan.ErrShutdown
	default:
		return context.Cause(r.life)
	}
}

// tellInterruption is interruption, for a step that is told of it.
func (r *run) tellInterruption() error {
	err := r.interruption()
	if err != nil {
		r.edit(func() { r.stops.told = true })
	}
	return err
}

// startTime makes the run end when the job's time is up. The lock is held.
func (r *run) startTime() {
	r.time.limit = r.plan.Timeout
	r.time.worked = time.Duration(r.data.Plan.WorkedMS) * time.Millisecond
	r.time.start(r.timeUp)
}

// timeUp ends the run's context because the job's time is up.
func (r *run) timeUp() {
	r.mu.Lock()
	err := r.time.over()
	r.mu.Unlock()
	if err != nil { // it may stand still by now
		r.cancel(err)
	}
}

// keepTime records the time that the job has worked with the end of a run that another
// one may follow. The lock is held.
func (r *run) keepTime(end model.Status) {
	r.time.halt()
	if r.time.limit == 0 || r.data.Plan == nil || end == model.Succeeded {
		return
	}
	r.data.Plan.WorkedMS, r.changes.plan = r.time.worked.Milliseconds(), true
}
