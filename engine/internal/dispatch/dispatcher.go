package dispatch

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/execution"
	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// Config is what a dispatcher needs. All fields are required, except where noted.
type Config struct {
	Store    *store.Store
	Owner    store.Owner
	Poll     time.Duration
	Log      *slog.Logger
	Handlers map[string]execution.Handler
	// MaxRunning limits how many jobs run at the same time; 0 is one for each type.
	MaxRunning int
	Listener   Listener // nil for none
	Runs       *execution.Runs
	Journal    *journal.Journal
}

// Listener is where notifications come from; see the engine's type of that name.
type Listener interface {
	Listen(ctx context.Context, channel string, ready func(), notify func(payload string)) error
}

// Dispatcher claims jobs for one engine. Due, PollNow, Ended, Leave and Shares are safe for
// concurrent use; Run, Listen and Sweep are called once each.
type Dispatcher struct {
	Config
	types []string
	left  leftJobs

	wake chan struct{}

	mu      sync.Mutex
	pollNow bool            // there may be a due job
	due     map[string]bool // types that may have a due job

	// claimFailed says that the database returned an error for the latest claim of some
	// type. Only the loop uses it.
	claimFailed bool
}

// New returns a dispatcher.
func New(c Config) *Dispatcher {
	return &Dispatcher{
		Config: c, types: Types(c.Handlers), wake: make(chan struct{}, 1),
		left: leftJobs{poll: c.Poll, types: make(map[string]*leftOfType)},
		due:  make(map[string]bool),
	}
}

// Types returns the types of the handlers, sorted.
func Types(handlers map[string]execution.Handler) []string {
	return slices.Sorted(maps.Keys(handlers))
}

// RoomForAll reports whether one job of each type may run at the same time, given the
// number of types.
func RoomForAll(maxRunning, types int) bool { return maxRunning == 0 || maxRunning >= types }

func (d *Dispatcher) roomForAll() bool { return RoomForAll(d.MaxRunning, len(d.types)) }

// PollNow makes the loop poll now.
func (d *Dispatcher) PollNow() {
	d.mu.Lock()
	d.pollNow = true
	d.mu.Unlock()
	d.wakeUp()
}

// Due makes the loop claim a job of each of these types, which may have one that is due. If
// fewer jobs may run than there are types, the loop polls instead, and claims the jobs of
// the types that have waited longest.
func (d *Dispatcher) Due(types ...string) {
	d.mu.Lock()
	for _, t := range types {
		if _, ok := d.Handlers[t]; ok && d.roomForAll() {
			d.due[t] = true
		} else {
			d.pollNow = d.pollNow || ok
		}
	}
	d.mu.Unlock()
	d.wakeUp()
}

// Ended says that a run has ended. The loop polls, unless the next job of the run's type
// was claimed together with that end.
func (d *Dispatcher) Ended(claimedNext bool) {
	if claimedNext {
		d.wakeUp()
	} else {
		d.PollNow()
	}
}

func (d *Dispatcher) wakeUp() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// popPollNow reports whether a poll was requested, and resets that.
func (d *Dispatcher) popPollNow() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	look := d.pollNow
	d.pollNow = false
	return look
}

// popDue returns the types that may have a due job, and resets them.
func (d *Dispatcher) popDue() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	types := slices.Sorted(maps.Keys(d.due))
	clear(d.due)
	return types
}
