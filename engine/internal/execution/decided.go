package execution

import (
	"context"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
	"github.com/ntxdev/jobsystem/model"
)

// NoteDecision says that the run's row has a decision. The run reads it when it needs to
// know.
func (r *run) NoteDecision() {
	r.edit(r.decision.note)
}

// decide says which decision the run's row has.
func (r *run) decide(d model.Decision) {
	r.edit(func() { r.decision.set(d) })
}

// decided reports whether a decision from outside determines how the run ends.
func (r *run) decided() bool { return r.decidedAs() != nil }

// decidedAs returns the decision that determines how the run ends, nil if there is none. If
// it must read it from the row, it waits for the database until the run's life ends.
func (r *run) decidedAs() *model.Decision {
	for delays := pause.New(); ; {
		r.mu.Lock()
		d := r.decision
		r.mu.Unlock()
		if !d.unread {
			return d.known
		}
		err := r.readDecision()
		if err == nil {
			continue
		}
		r.Log.Warn("cannot read how the job was declared to end; trying again", r.with("error", err)...)
		if !pause.For(r.life, delays.NextBackOff()) {
			return nil
		}
	}
}

// readDecision reads the decision from the run's row.
func (r *run) readDecision() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.life), r.Owner.Lease)
	defer cancel()
	row, err := r.Store.Get(ctx, r.Store.DB(), r.job.ID)
	if err != nil {
		return err
	}
	var d *model.Decision
	if row != nil && row.Attempt == r.job.Attempt { // otherwise nothing that the run writes takes effect
		if d, err = model.ParseDecision(row.Decision); err != nil {
			return err
		}
	}
	r.edit(func() { r.decision.known, r.decision.unread = d, false })
	return nil
}
