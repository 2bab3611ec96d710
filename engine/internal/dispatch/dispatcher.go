package dispatch

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/execution"
	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// Config is what a dispatcher needs. All fields are set, but for those that say
// otherwise.
type Config struct {
	Store    *store.Store
	Owner    store.Owner
	Poll     time.Duration
	Log      *slog.Logger
	Handlers map[string]execution.Handler
	// MaxRunning bounds the jobs that run at once; 0 is one for each type.
	MaxRunning int
	Listener   Listener // nil for none
	Runs       *execution.Runs
	Journal    *journal.Journal
}

// Listener is where notifications come from; see the engine's type of that name.
type Listener interface {
	Listen(ctx context.Context, channel string, ready func(), notify func(payload string)) error
}

// Dispatcher claims jobs for one engine. Due, DueFirst, Look and Ended are safe for
// concurrent use; Run, Listen and Sweep are called once each.
type Dispatcher struct {
	Config
	types []string

	wake chan struct{}

	mu     sync.Mutex
	look   bool                 // there may be a due job
	due    map[string]bool      // types of which there may be one
	prefer map[string]uuid.UUID // jobs to be claimed before others of their types

	// claimFailed says that the database failed the latest claim of some type. The
	// loop alone uses it.
	claimFailed bool
}

// New returns a dispatcher.
func New(c Config) *Dispatcher {
	return &Dispatcher{
		Config: c, types: Types(c.Handlers), wake: make(chan struct{}, 1),
		due: make(map[string]bool), prefer: make(map[string]uuid.UUID),
	}
}

// Types are those of the handlers, in their order.
func Types(handlers map[string]execution.Handler) []string {
	return slices.Sorted(maps.Keys(handlers))
}

// PlacesForAll reports whether a job of each of so many types may run at once.
func PlacesForAll(maxRunning, types int) bool { return maxRunning == 0 || maxRunning >= types }

func (d *Dispatcher) placesForAll() bool { return PlacesForAll(d.MaxRunning, len(d.types)) }

// Look makes the loop look for due jobs now.
func (d *Dispatcher) Look() {
	d.mu.Lock()
	d.look = true
	d.mu.Unlock()
	d.wakeUp()
}

// Due makes the loop claim a job of these types, which are said to have one
// that is due. Where fewer jobs may run than there are types, it looks which of
// all types has waited longest.
func (d *Dispatcher) Due(types ...string) {
	d.mu.Lock()
	for _, t := range types {
		if _, ok := d.Handlers[t]; ok && d.placesForAll() {
			d.due[t] = true
		} else {
			d.look = d.look || ok
		}
	}
	d.mu.Unlock()
	d.wakeUp()
}

// DueFirst is Due, with a job that is claimed before the others of its type.
func (d *Dispatcher) DueFirst(jobType string, id uuid.UUID) {
	d.mu.Lock()
	if _, ok := d.Handlers[jobType]; ok {
		d.prefer[jobType] = id
	}
	d.mu.Unlock()
	d.Due(jobType)
}

// Ended says that a run has ended. Unless the next job of its type was claimed with
// that, the loop looks for one.
func (d *Dispatcher) Ended(claimedNext bool) {
	if claimedNext {
		d.wakeUp()
	} else {
		d.Look()
	}
}

func (d *Dispatcher) wakeUp() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// takeLook reports whether a look is wanted, and forgets it.
func (d *Dispatcher) takeLook() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	look := d.look
	d.look = false
	return look
}

// takeDue takes the types that are said to have a due job.
func (d *Dispatcher) takeDue() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	types := slices.Sorted(maps.Keys(d.due))
	clear(d.due)
	return types
}

// takePreferred takes the jobs that are claimed before others of the due types.
func (d *Dispatcher) takePreferred(due []string) map[string]uuid.UUID {
	d.mu.Lock()
	defer d.mu.Unlock()
	preferred := make(map[string]uuid.UUID)
	for _, t := range due {
		if id, ok := d.prefer[t]; ok {
			preferred[t] = id
		}
	}
	clear(d.prefer)
	return preferred
}
