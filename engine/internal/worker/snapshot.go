package worker

import (
	"encoding/json"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// flushing is what a write under way carries, to be marked again if it fails.
type flushing struct {
	whole, checkpoint, result, plan, moved bool
	end                                    bool // the run's end, which is its last write
	changed                                map[int]bool
}

// snapshot returns what is to be written now.
func (r *run) snapshot() store.Write {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, now := r.update()
	remaining, source := r.remaining(now)
	r.writes++
	write := store.Write{
		JobID: r.job.ID, Type: r.job.Type, Attempt: r.job.Attempt, Number: r.writes,
		Progress: u.fraction, Message: u.message, TimeToCompleteMS: remaining, TimeToCompleteSource: string(source),
		Progressed:     r.moved || u != r.reported,
		SetCheckpoints: r.checkpointChanged,
		End:            r.end, Error: r.err, OnCancel: r.onCancel(),
		WakeAt: r.wake.at, Signals: r.wake.heard(r.signals), Children: r.wake.children,
	}
	r.flushing = flushing{whole: r.whole, checkpoint: r.checkpointChanged, result: r.resultChanged, plan: r.planChanged, moved: r.moved, end: r.end != "", changed: r.changed}
	if r.checkpointChanged {
		checkpoint, err := r.checkpoints.JSON()
		if err != nil {
			panic(err) // each was checked when it came in
		}
		write.Checkpoints = checkpoint
	}
	r.addDocument(&write)
	r.sent, r.reported, r.estimated = r.version, u, false
	r.whole, r.checkpointChanged, r.resultChanged, r.planChanged, r.moved, r.changed = false, false, false, false, false, make(map[int]bool)
	return write
}

// onCancel is what a cancel request makes of a job whose run ends otherwise.
func (r *run) onCancel() store.OnCancel {
	switch {
	case r.wake.cancelled:
		return store.CancelWaits
	case Undoes(r.data) || r.end == model.Scheduled && len(WaitedChildren(r.data)) > 0:
		return store.CancelDue
	default:
		return store.CancelEnds
	}
}

// maxPatches is the number of changed records up to which they are written one
// by one and not with the whole list.
const maxPatches = 3

// addDocument adds what changed of the document.
func (r *run) addDocument(write *store.Write) {
	if r.whole {
		write.Document = must(r.data.JSON())
		return
	}
	if len(r.changed) > maxPatches {
		write.Patches = append(write.Patches, store.Patch{Path: store.Path{Key: "steps", Index: -1}, Value: mustJSON(r.data.Steps)})
	} else {
		for i := range r.data.Steps {
			if r.changed[i] {
				write.Patches = append(write.Patches, store.Patch{Path: store.Path{Key: "steps", Index: i}, Value: must(r.data.Steps[i].JSON())})
			}
		}
	}
	if r.planChanged {
		write.Patches = append(write.Patches, store.Patch{Path: store.Path{Key: "plan", Index: -1}, Value: mustJSON(r.data.Plan)})
	}
	if r.resultChanged {
		write.Patches = append(write.Patches, store.Patch{Path: store.Path{Key: "result", Index: -1}, Value: r.data.Result})
	}
}

// mustJSON encodes parts of the document: all raw JSON in them was checked when
// it came in.
func mustJSON(v any) json.RawMessage { return must(json.Marshal(v)) }

func must(raw json.RawMessage, err error) json.RawMessage {
	if err != nil {
		panic(err)
	}
	return raw
}

// written notes that the last snapshot is in the database, and whether the next
// job of the type was claimed with it.
func (r *run) written(ack store.Ack, handedOn bool) {
	r.failing, r.refusing = time.Time{}, time.Time{}
	if ack.Cancelled {
		r.requestCancel() // before the step that waits for this is let go
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked, r.handedOn = r.sent, handedOn
	r.over = r.flushing.end
	r.gone = r.gone || r.over
	r.release()
}

// notWritten marks what the last snapshot carried as still to be written.
func (r *run) notWritten() {
	if r.failing.IsZero() {
		r.failing = time.Now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restore(r.flushing)
}

func (r *run) restore(f flushing) {
	r.whole = r.whole || f.whole
	r.checkpointChanged = r.checkpointChanged || f.checkpoint
	r.resultChanged = r.resultChanged || f.result
	r.planChanged = r.planChanged || f.plan
	r.moved = r.moved || f.moved
	for i := range f.changed {
		r.changed[i] = true
	}
}

// giveUp drops what the database refuses to take for this run alone, so that
// the run can fail with the reason.
func (r *run) giveUp(err error) {
	r.worker.Log.Error("the database refuses this run's record; failing the job", append(r.attrs(), "error", r.shown(err.Error()))...)
	r.mu.Lock()
	r.broken = err
	r.whole, r.checkpointChanged, r.resultChanged, r.planChanged, r.changed = false, false, false, false, make(map[int]bool)
	r.release()
	r.mu.Unlock()
	r.endLife(err)
}
