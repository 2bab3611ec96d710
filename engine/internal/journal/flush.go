package journal

import (
	"context"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// singlyAfter is the number of failed flushes in a row after which entries are written
// one by one, to find the one that the database rejects.
const singlyAfter = 3

// Finished brings each flush that has finished; Finish must follow.
func (j *Journal) Finished() <-chan *inFlightBatch { return j.finished }

// Flush begins to write the marked entries: one batch in each transaction, and as many
// transactions at the same time as make the database faster. The next flush writes entries
// that are marked after this one has begun. Flush does not wait.
func (j *Journal) Flush(ctx context.Context) {
	for !j.pausing && !j.reconcileDue() && j.inFlight < j.maxInFlight() {
		batch := j.marks.nextBatch(j.maxBatch())
		if len(batch) == 0 {
			break
		}
		j.startFlush(ctx, batch)
	}
	j.forgetFailures()
}

// maxInFlight returns how many flushes may be in flight at the same time. After a failure
// it is one, so that it can be seen which one fails.
func (j *Journal) maxInFlight() int {
	if j.failures > 0 {
		return 1
	}
	return j.Store.Writers()
}

func (j *Journal) maxBatch() int {
	if j.failures >= singlyAfter {
		return 1
	}
	return store.MaxBatch
}

// startFlush begins to write a batch in one transaction.
func (j *Journal) startFlush(ctx context.Context, entries []*Entry) {
	b := &inFlightBatch{entries: entries, writes: make([]store.Write, len(entries)), began: time.Now()}
	for i, e := range entries {
		b.writes[i] = e.Send()
		b.ends = b.ends || b.writes[i].End != ""
	}
	// It may be the claim that keeps failing: then the records are written without it.
	b.claims = b.ends && j.failures < singlyAfter && j.ClaimNext && j.Claims.StartClaim()
	j.inFlight++
	go func() {
		limited, cancel := j.limit(ctx)
		defer cancel()
		b.done, b.err = j.Store.Flush(limited, b.writes, j.Owner, b.claims)
		b.late = limited.Err() != nil
		j.finished <- b
	}()
}

// Finish reports the outcome of a flush to each run, and begins the runs of the jobs that
// the flush has claimed.
func (j *Journal) Finish(ctx context.Context, b *inFlightBatch) {
	j.inFlight--
	if b.claims {
		defer j.Claims.EndClaim()
	}
	// Only once the runs know the outcome: whoever holds one continues from there.
	defer j.marks.clearInFlight(b.entries)
	if b.err != nil {
		j.flushFailed(ctx, b)
		return
	}
	if j.failures > 0 {
		j.resetFailures()
	}
	next := make(map[string]bool, len(b.done.Next))
	for _, job := range b.done.Next {
		next[job.Type] = true
	}
	for i, e := range b.entries {
		if ack, ok := b.done.Acks[e.key.JobID]; ok {
			e.Confirm(ack, next[e.key.Type])
		} else {
			j.fenced(ctx, e, b.writes[i])
		}
	}
	for _, job := range b.done.Next {
		j.Claims.Begin(ctx, job, b.began)
	}
}

// flushFailed marks the entries of a failed flush again. After a pause the next flush
// writes their newest state.
func (j *Journal) flushFailed(ctx context.Context, b *inFlightBatch) {
	if b.ends {
		j.MarkClaimUncertain()
	}
	for _, e := range b.entries {
		if e.writeFailed(); len(b.entries) == 1 && !b.late && !store.IsFull(b.err) && j.rejects(ctx, e) {
			e.Reject(b.err)
		}
		e.Mark()
	}
	j.failures++
	j.Log.Warn("records could not be written; trying again", "error", b.err, "runs", len(b.entries), "failures", j.failures)
	j.Claims.FlushFailed()
	j.pausing = true
	j.retry.Reset(j.delays.NextBackOff())
}

// forgetFailures resets the failures if there is nothing left to retry: the runs have ended
// in another way, or are held out of flushes.
func (j *Journal) forgetFailures() {
	if j.failures > 0 && !j.pausing && j.inFlight == 0 && !j.reconcileDue() {
		j.resetFailures()
	}
}

func (j *Journal) resetFailures() {
	j.failures = 0
	j.delays.Reset()
}

// Drain waits for the flushes in flight, whose context has ended, and stops the journal's
// timer.
func (j *Journal) Drain() {
	for ; j.inFlight > 0; j.inFlight-- {
		<-j.finished
	}
	j.retry.Stop()
}
