package engine_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// The lease is renewed in time on a database that is slower than the heartbeat.
func TestALeaseIsRenewedHoweverShortTheHeartbeat(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var logs safeBuffer
		cfg := config()
		cfg.Lease, cfg.Heartbeat = patience, 5*time.Millisecond
		cfg.Logger = slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
		renewed := make(chan struct{}) // renewals that were not given up
		slow := wire.BeforeFunc(func(ctx context.Context, call wire.Call) error {
			if store.OpOf(call.Text) != store.OpRenew {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
			select {
			case renewed <- struct{}{}:
			default:
			}
			return nil
		})
		eng := newEngine(t, openHooked(t, text, slow), cfg, one("a", func(ctx context.Context, _ *steps.Run[input]) error {
			for range 2 {
				select {
				case <-renewed:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		}))
		job := enqueue(t, eng, raw("a"))
		stop := start(t, eng)
		require.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		stop()
		assert.Empty(t, logs.String())
	})
}
