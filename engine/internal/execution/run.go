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
	dispatch Dispatch
	job      *model.Job // as it was claimed; not changed
	entry    *journal.Entry
	lease    *lease.Lease

	// life ends when the run may do nothing more: its lease is lost, or the engine's
	// grace is over. ctx is the context of the steps: it ends with life, or earlier, when
	// the job is cancelled or its time is up.
	life    context.Context //nolint:containedctx // it is the lifetime of the run
	endLife context.CancelCauseFunc
	ctx     context.Context //nolint:containedctx // the same
	cancel  context.CancelCauseFunc
	// handingOver is closed when the engine stops and the job must be handed over.
	handingOver chan struct{}
	// inTx has a capacity of one: one step of the run at a time may be in a transaction.
	inTx chan struct{}

	signals model.Signals // those that had arrived when the job was claimed
	// childrenShare is the mean progress of the children that a step waits for.
	childrenShare float64

	mu sync.Mutex // guards the fields below
	state
	stops       stops
	time        workTime
	historyRead time.Time // when the history was read that the tracker has
	decision    decision
}

// newRun returns the run of a job. claimed is when the claim was sent.
func newRun(ctx context.Context, c *Config, j *journal.Journal, d Dispatch, job *model.Job, claimed time.Time) *run {
	r := &run{
		Config: c, dispatch: d, job: job,
		state:       newState(job, c.Limits, clock{base: job.StartedAt.Time, since: time.Now()}),
		handingOver: make(chan struct{}), inTx: make(chan struct{}, 1), decision: newDecision(job.Decision != nil),
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

// LogAttrs returns attributes that identify the run in a log.
func (r *run) LogAttrs() []any {
	return []any{slog.String("job", r.job.ID.String()), slog.String("type", r.job.Type), slog.Int64("attempt", r.job.Attempt)}
}

// with returns the log attributes of the run, followed by these.
func (r *run) with(attrs ...any) []any { return append(r.LogAttrs(), attrs...) }

// Redacted returns an error text of the run without the values that a log must not contain.
// The errors of steps, and of the code that decodes their inputs, may quote such values.
func (r *run) Redacted(text string) string {
	if r.Redact == nil {
		return text
	}
	return r.Redact.Of(r.asRow()).Text(text)
}

// asRow returns the job's row with the current values of the run.
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

// Snapshot returns the changes to write, and marks them as sent. The lock is held.
func (r *run) Snapshot() store.Write { return r.snapshot(r.signals) }

// Restore marks the changes of the last snapshot as not written. The lock is held.
func (r *run) Restore() { r.changes.restore(r.sent) }

// Discard drops the changes that the database rejects. The lock is held.
func (r *run) Discard() { r.changes.discard() }

// EndLife ends the run's context.
func (r *run) EndLife(cause error) { r.endLife(cause) }

// RequestCancel ends the context of the run's steps because a cancel of the job was
// requested.
func (r *run) RequestCancel() {
	r.mu.Lock()
	r.stops.cancelled = true
	r.mu.Unlock()
	r.cancel(plan.ErrCancelled)
}

// Reopen withdraws the run's end. The lock is held.
func (r *run) Reopen() {
	r.end, r.err, r.wake, r.leftUntil, r.freesType = "", "", wake{}, model.Time{}, false
}

// expire ends the run because its lease was not renewed in time: from now on another engine
// may take the job over.
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

// abandon gives up writing a run whose lease has expired; the engine that settles it finds
// what was written before. It is for an engine that stops. An engine that does not stop
// waits until the database is available again.
func (r *run) abandon() {
	r.mu.Lock()
	expired := r.stops.expired
	r.mu.Unlock()
	if expired {
		r.Log.Warn("stopping without the database: the job is left to be settled as interrupted", r.LogAttrs()...)
		r.entry.Lose()
	}
}

// close ends the run's lease, entry and context. It reports whether the next job of its type
// was claimed with the run's end.
func (r *run) close() (claimedNext bool) {
	r.lease.End()
	r.edit(r.time.halt)
	claimedNext = r.entry.Close()
	r.endLife(nil)
	return claimedNext
}

// edit calls change with the lock held. It does not wait for the database.
func (r *run) edit(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// record returns a copy of a step's record.
func (r *run) record(i int) model.StepRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data.Steps[i]
}

// write edits the run's state and waits until the change is in the database: see
// [journal.Entry.Write]. It keeps waiting when the run must end, since the record is needed
// then too.
func (r *run) write(edit func()) error { return r.entry.Write(edit, nil) }

// writeWithin is like write, but waits only until ctx ends.
func (r *run) writeWithin(ctx context.Context, edit func()) error {
	giveUp := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		if r.ctx.Err() == nil {
			close(giveUp)
		}
	})()
	err := r.entry.Write(edit, giveUp)
	if err == journal.ErrGaveUp { //nolint:errorlint // Write does not wrap it
		return fmt.Errorf("waiting for the write to be confirmed: %w", context.Cause(ctx))
	}
	return err
}

// interruption returns why the run must not continue, nil if it may.
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

// undoInterruption returns why the run must not continue to undo steps, nil if it may. A
// cancel request does not stop that.
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

// reportInterruption is interruption for a checkpoint, which reports the reason to the step.
func (r *run) reportInterruption() error {
	err := r.interruption()
	if err != nil {
		r.edit(func() { r.stops.reported = true })
	}
	return err
}

// startWorkTime starts to measure the job's time, and ends the run's context when it is up.
// The lock is held.
func (r *run) startWorkTime() {
	r.time.limit = r.plan.Timeout
	r.time.worked = time.Duration(r.data.Plan.WorkedMS) * time.Millisecond
	r.time.start(r.timeUp)
}

// timeUp ends the run's context because the job's time is up.
func (r *run) timeUp() {
	r.mu.Lock()
	err := r.time.over()
	r.mu.Unlock()
	if err != nil { // nil if the job has begun to wait in the meantime
		r.cancel(err)
	}
}

// recordWorkTime records the time that the job has worked, when a run ends after which
// another may follow. The lock is held.
func (r *run) recordWorkTime(end model.Status) {
	r.time.halt()
	if r.time.limit == 0 || r.data.Plan == nil || end == model.Succeeded {
		return
	}
	r.data.Plan.WorkedMS, r.changes.plan = r.time.worked.Milliseconds(), true
}
