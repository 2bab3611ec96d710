package worker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/dispatch"
	"github.com/ntxdev/jobsystem/engine/internal/execution"
	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/engine/internal/lease"
	"github.com/ntxdev/jobsystem/engine/internal/pause"
)

// Config is what a worker needs. All fields are required, except where noted.
type Config struct {
	execution.Config
	Poll       time.Duration
	Grace      time.Duration
	MaxRunning int               // 0 is one for each type
	Listener   dispatch.Listener // nil for none
}

// Worker runs the jobs of some types for one engine. Make a new one for each start.
type Worker struct {
	*dispatch.Dispatcher
	config  Config
	renewer *lease.Renewer
}

// New returns a worker. It starts nothing.
func New(c Config) *Worker {
	runs := execution.New(c.Config)
	types := dispatch.Types(c.Handlers)
	runs.Journal = journal.New(journal.Config{
		Store: c.Store, Owner: c.Owner, Log: c.Log, Claims: runs, Types: types,
		// If fewer jobs may run than there are types, claiming the next job of a type at
		// once would starve the other types.
		ClaimNext: dispatch.RoomForAll(c.MaxRunning, len(types)),
	})
	d := dispatch.New(dispatch.Config{
		Store: c.Store, Owner: c.Owner, Poll: c.Poll, Log: c.Log, Handlers: c.Handlers, MaxRunning: c.MaxRunning, Listener: c.Listener,
		Runs: runs, Journal: runs.Journal,
	})
	runs.Dispatch = d
	return &Worker{
		Dispatcher: d, config: c,
		renewer: &lease.Renewer{Store: c.Store, Owner: c.Owner, Heartbeat: c.Heartbeat, Log: c.Log, Leases: runs.Leases},
	}
}

// startTimeout limits how long a start tries to reach the database, which may be restarting
// or have a transaction that holds the locks.
const startTimeout = 10 * time.Second

// makeLocks creates the missing lock rows of the worker's types.
func (w *Worker) makeLocks(ctx context.Context) error {
	began := time.Now()
	for delays := pause.New(); ; {
		err := w.config.Store.EnsureLocks(ctx, dispatch.Types(w.config.Handlers))
		if err == nil || ctx.Err() != nil || time.Since(began) > startTimeout {
			return err
		}
		w.config.Log.Warn("cannot start; trying again", "error", err)
		if !pause.For(ctx, delays.NextBackOff()) {
			return ctx.Err()
		}
	}
}

// Run claims and runs jobs until ctx ends, and returns after everything that it started has
// ended. It stops claiming, gives the running steps their grace to reach a boundary, ends
// their contexts, hands the jobs over, and only then stops writing records and renewing
// leases. It returns an error only if it could not start.
func (w *Worker) Run(ctx context.Context) error {
	switch err := w.makeLocks(ctx); {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("start: %w", err)
	}
	w.config.Log.Info("engine started", "types", dispatch.Types(w.config.Handlers), "owner", w.config.Owner.ID, "lease", w.config.Owner.Lease.String(), "listens", w.config.Listener != nil)
	defer func() { w.config.Log.Info("engine stopped", "owner", w.config.Owner.ID) }()
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var group sync.WaitGroup
	group.Go(func() { w.Dispatcher.Run(base) })
	group.Go(func() { w.renewer.Run(base) })
	group.Go(func() { w.Sweep(base) })
	group.Go(func() { w.Listen(base) })
	<-ctx.Done()
	w.Runs.Stop(w.config.Grace)
	end()
	group.Wait()
	return nil
}
