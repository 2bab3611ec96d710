package lease

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/pause"
	"github.com/ntxdev/jobsystem/engine/internal/store"
)

// minRenewTime is the shortest time limit of a renewal. Giving a renewal up costs its
// connection, and the next one has to open another.
const minRenewTime = time.Second

// Renewer renews the leases of an engine's runs. All fields are required.
type Renewer struct {
	Store     *store.Store
	Owner     store.Owner
	Heartbeat time.Duration
	Log       *slog.Logger
	// Leases returns the leases of the runs that may still write.
	Leases func() []*Lease
}

// Run renews the leases at each heartbeat until ctx ends.
func (r *Renewer) Run(ctx context.Context) {
	heartbeat := time.NewTicker(r.Heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-heartbeat.C:
			r.renew(ctx)
		}
	}
}

// renew renews the leases once.
func (r *Renewer) renew(ctx context.Context) {
	leases := r.Leases()
	if len(leases) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, max(r.Heartbeat, min(minRenewTime, r.Owner.Lease)))
	defer cancel()
	err := r.renewAll(limited, leases)
	switch {
	case ctx.Err() != nil: // the engine has stopped
		return
	case err != nil:
		r.Log.Warn("leases could not be renewed; trying again", "error", err, "runs", len(leases))
		return
	}
	for _, l := range leases {
		l.renewed()
	}
}

// renewAll renews these leases. It retries those whose lock rows another transaction has
// locked.
func (r *Renewer) renewAll(ctx context.Context, leases []*Lease) error {
	byRun := make(map[store.LockedRun]*Lease, len(leases))
	for _, l := range leases {
		byRun[l.run] = l
	}
	types := typesOf(leases)
	for delays := pause.New(); ; {
		sent := time.Now()
		renewed, locked, err := r.Store.Renew(ctx, types, r.Owner)
		if err != nil {
			return err
		}
		for _, run := range renewed {
			if l, ok := byRun[run]; ok {
				l.extend(sent)
			}
		}
		if len(locked) == 0 {
			return nil
		}
		if types = locked; !pause.For(ctx, delays.NextBackOff()) {
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil // the engine stops
			}
			r.Log.Warn("leases could not be renewed: another transaction has locked their rows of the table of locks; end it, or the leases expire", "types", locked)
			return nil
		}
	}
}

func typesOf(leases []*Lease) []string {
	types := make([]string, len(leases))
	for i, l := range leases {
		types[i] = l.run.Type
	}
	slices.Sort(types)
	return slices.Compact(types)
}
