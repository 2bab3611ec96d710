package dispatch

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
)

// Listen listens until ctx ends, and again when the connection breaks. What was sent
// meanwhile does not come: hence a look at each beginning. Without a listener it
// returns at once.
func (d *Dispatcher) Listen(ctx context.Context) {
	if d.Listener == nil {
		return
	}
	delays := pause.Between(50*time.Millisecond, 5*time.Second)
	for ctx.Err() == nil {
		err := d.Listener.Listen(ctx, d.Store.Channel(), func() { delays.Reset(); d.PollNow() }, d.notified)
		if ctx.Err() != nil {
			return
		}
		d.Log.Warn("not listening for notifications; trying again", "error", err)
		pause.For(ctx, delays.NextBackOff())
	}
}

// notified handles a notification. It ignores one that it does not know, which a newer
// version has sent.
func (d *Dispatcher) notified(payload string) {
	kind, subject, _ := strings.Cut(payload, " ")
	switch kind {
	case "due":
		d.Due(subject)
	case "cancel", "decide":
		id, err := uuid.Parse(subject)
		switch {
		case err != nil:
		case kind == "cancel":
			d.Runs.Cancel(id)
		default:
			d.Runs.NoteDecision(id)
		}
	}
}
