package worker

import (
	"context"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// Listener is where notifications come from; see the engine's type of that name.
type Listener interface {
	Listen(ctx context.Context, channel string, ready func(), notify func(payload string)) error
}

// listen listens until ctx ends, and begins anew when the connection breaks.
// What was said meanwhile is not heard: hence a look at each beginning.
func (w *Worker) listen(ctx context.Context) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 50*time.Millisecond, 5*time.Second
	for ctx.Err() == nil {
		err := w.Listener.Listen(ctx, store.Channel, func() { pause.Reset(); w.Look() }, w.notified)
		if ctx.Err() != nil {
			return
		}
		w.Log.Warn("not listening for notifications; trying again", "error", err)
		timer := time.NewTimer(pause.NextBackOff())
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// notified acts on a notification. One that it does not know is of a newer
// version, and is passed over.
func (w *Worker) notified(payload string) {
	word, about, _ := strings.Cut(payload, " ")
	switch word {
	case "due":
		w.Due(about)
	case "cancel":
		if id, err := uuid.Parse(about); err == nil {
			w.Cancel(id)
		}
	}
}
