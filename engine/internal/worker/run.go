package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps"
)

// run is one attempt of one job in this process: what the job's row is going to
// hold, and how much of that is written already.
type run struct {
	worker *Worker
	job    *model.Job // as it was claimed; not changed
	clock  clock

	// life ends when the run may do nothing more: its lease is lost, or the
	// engine stops. ctx is the steps' and ends with it, or when the job is
	// cancelled or its time is up.
	life    context.Context //nolint:containedctx // the run is what lives and ends with it
	endLife context.CancelCauseFunc
	ctx     context.Context //nolint:containedctx // the same
	cancel  context.CancelCauseFunc
	// stopping is closed when the engine wants the job handed over.
	stopping chan struct{}
	expiry   *time.Timer // ends the run when its lease is not renewed

	plan    *steps.Plan   // once there is one
	signals model.Signals // that had come when the job was claimed

	queued bool // in the worker's dirty list, under its lock
	flying bool // in a flush under way, under the worker's lock
	// held keeps the run out of flushes, under the same lock; free is closed
	// when the one under way has landed, nil if nobody waits for that.
	held bool
	free chan struct{}
	// inTx has room for the one step of the run that may be in a transaction.
	inTx chan struct{}
	// failing is when the first of the writes failed that have all failed
	// since, and refusing when the first of those did that have all failed while
	// the database took another write; the writer's own.
	failing, refusing time.Time

	mu   sync.Mutex
	time jobTime
	data model.Data
	// before has the records of steps as they were before they began.
	before map[int]model.StepRecord
	// whole says that the document has to be written whole; otherwise changed
	// has the indexes of the records to be written.
	whole   bool
	changed map[int]bool
	// checkpoints are the last checkpoints of the steps under way, checkpointChanged
	// whether they are to be written.
	checkpoints       model.Checkpoints
	checkpointChanged bool
	resultChanged     bool
	planChanged       bool
	message           message
	tracker           *progress.Tracker // nil until there is a plan
	reported          report            // the progress written last
	moved             bool              // something happened since then that people want to see
	estimated         bool              // a step has said since then how long it will still take
	end               model.Status
	err               string
	wake              wake
	childrenShare     float64
	decision          *Decision
	concluded         bool // how the run ends is settled: no decision changes it

	// version counts changes that somebody waits for, sent is the version in
	// the write under way, and acked the one in the database.
	version, sent, acked uint64
	writes               int64 // that were sent
	flushing             flushing
	waiting              []chan struct{}

	cancelled bool // a cancel request was seen
	stopped   bool // the engine wants the job handed over at the next boundary
	expired   bool // the lease could not be renewed in time
	outlasted bool // by a transaction of its own
	gone      bool // the row is not this run's any more
	over      bool // its end is written
	refused   bool // a checkpoint told the step to stop
	handedOn  bool // the type's next job was claimed as this one ended
	broken    error
}

// report is the progress as it stands in the row.
type report struct {
	fraction float64
	message  string
}

// clock is the database's time, told by this process's monotonic clock: the
// host's own may be wrong or jump.
type clock struct {
	base  time.Time
	since time.Time
}

func (c clock) now() model.Time { return model.TimeOf(c.base.Add(time.Since(c.since))) }

// newRun makes the run of a job whose claim was begun at that time: from then
// on the lease counts.
func newRun(ctx context.Context, w *Worker, j *model.Job, claimed time.Time) *run {
	r := &run{worker: w, job: j, changed: make(map[int]bool), before: make(map[int]model.StepRecord), message: plain(j.Message), clock: clock{base: j.StartedAt.Time, since: time.Now()}}
	r.reported = report{fraction: j.Progress, message: j.Message}
	r.life, r.endLife = context.WithCancelCause(ctx)
	r.ctx, r.cancel = context.WithCancelCause(r.life)
	r.stopping, r.inTx = make(chan struct{}), make(chan struct{}, 1)
	r.expiry = time.AfterFunc(time.Until(claimed.Add(w.Owner.Lease)), r.expire)
	if !j.CancelRequestedAt.IsZero() {
		r.requestCancel()
	}
	return r
}

// attrs name the run in a log.
func (r *run) attrs() []any {
	return []any{slog.String("job", r.job.ID.String()), slog.String("type", r.job.Type), slog.Int64("attempt", r.job.Attempt)}
}

// close ends the run for good: it writes nothing more, and who waits for it is
// let go.
func (r *run) close() {
	r.mu.Lock()
	r.gone = true
	r.expiry.Stop()
	r.time.halt()
	r.release()
	r.mu.Unlock()
	r.endLife(nil)
}

// abandon gives up writing a run whose lease has run out: whoever settles it
// finds what was written before. Only an engine that stops does that; another
// one waits for the database to come back.
func (r *run) abandon() {
	r.mu.Lock()
	expired := r.expired
	r.mu.Unlock()
	if expired {
		r.worker.Log.Warn("stopping without the database: the job is left to be settled as interrupted", r.attrs()...)
		r.lost()
	}
}

// lost ends the run after the database has refused its write.
func (r *run) lost() {
	r.mu.Lock()
	r.gone = true
	r.release()
	r.mu.Unlock()
	r.endLife(steps.ErrLeaseLost)
}

// busy reports whether the type's next job has to wait for this run: until its
// end is written, though its goroutine may have a little more to do then.
func (r *run) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.over
}

// live reports whether the run may still write.
func (r *run) live() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.gone
}

// ends reports whether the run is about to end because the database refuses its
// record: until that end is known, see finishBroken, it has nothing to be
// written, and least of all another end.
func (r *run) ends() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken != nil
}

// requestCancel ends the run's context because somebody asked for that.
func (r *run) requestCancel() {
	r.mu.Lock()
	r.cancelled = true
	r.mu.Unlock()
	r.cancel(steps.ErrCancelled)
}

// stop has the run hand its job over at the next boundary.
func (r *run) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		r.stopped = true
		close(r.stopping)
	}
}

// refuse is interruption, for a step that is told of it.
func (r *run) refuse() error {
	err := r.interruption()
	if err != nil {
		r.mu.Lock()
		r.refused = true
		r.mu.Unlock()
	}
	return err
}

// interruption says why the run should not go on, or nil.
func (r *run) interruption() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.gone:
		return steps.ErrLeaseLost
	case r.cancelled:
		return steps.ErrCancelled
	case r.broken != nil:
		return r.broken
	case r.stopped:
		return steps.ErrShutdown
	}
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	return r.time.over()
}

// change edits the run's state and waits until the database has what it
// changed. It fails with steps.ErrLeaseLost if the row is not the run's any
// more, and if the database refuses this write while it takes others.
func (r *run) change(edit func()) error { return r.changeWithin(context.Background(), edit) }

// changeWithin is change, and waits no longer than until ctx ends. That the run
// itself is to end is no reason to wait no longer: the write is all the more
// wanted then.
func (r *run) changeWithin(ctx context.Context, edit func()) error {
	own := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		if r.ctx.Err() == nil {
			close(own)
		}
	})()
	r.mu.Lock()
	edit()
	r.version++
	version, gone := r.version, r.gone
	r.mu.Unlock()
	if !gone {
		r.worker.mark(r)
	}
	for {
		done, err := r.wait(version)
		if done == nil {
			return err
		}
		select {
		case <-done:
		case <-own:
			return fmt.Errorf("waiting for the write to be confirmed: %w", context.Cause(ctx))
		}
	}
}

// wait returns a channel that is closed when there is news of a version, or nil
// and how it went when that is known.
func (r *run) wait(version uint64) (<-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.broken != nil:
		return nil, r.broken
	case r.acked >= version:
		return nil, nil
	case r.gone:
		return nil, steps.ErrLeaseLost
	}
	done := make(chan struct{})
	r.waiting = append(r.waiting, done)
	return done, nil
}

// release lets everybody who waits look again. The lock is held.
func (r *run) release() {
	for _, done := range r.waiting {
		close(done)
	}
	r.waiting = nil
}

// update is the progress now, and all that the tracker tells. The lock is held.
func (r *run) update() (report, progress.Update) {
	u := report{fraction: r.job.Progress, message: r.message.show(r.worker.Limits.Message)}
	if r.tracker == nil {
		return u, progress.Update{Source: progress.SourceUnknown}
	}
	now := r.tracker.Snapshot()
	u.fraction = max(u.fraction, now.Fraction)
	return u, now
}

// remaining is the estimate in milliseconds, nil when there is none, and by what it
// was made.
func (r *run) remaining(now progress.Update) (*int64, progress.ETASource) {
	if now.Source == progress.SourceUnknown || r.end != "" || r.data.Undoing != nil {
		return nil, ""
	}
	ms := now.Remaining.Milliseconds()
	return &ms, now.Source
}

// progressed reports whether there is progress to be written, without anybody
// waiting for it.
func (r *run) progressed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, _ := r.update()
	return r.moved || r.estimated || u != r.reported
}
