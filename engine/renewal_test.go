package engine_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// slowRenewals has each renewal of leases take a while, and counts those that were
// not given up meanwhile.
type slowRenewals struct {
	takes time.Duration
	done  chan struct{}
}

func (s *slowRenewals) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.HasPrefix(event.Query, "UPDATE job_type_lock SET locked_until") {
		select {
		case <-ctx.Done():
		case <-time.After(s.takes):
			select {
			case s.done <- struct{}{}:
			default:
			}
		}
	}
	return ctx
}

func (s *slowRenewals) AfterQuery(context.Context, *bun.QueryEvent) {}

// Leases are kept on a database that is slower than the heartbeat.
func TestALeaseIsRenewedHoweverShortTheHeartbeat(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var logs safeBuffer
		cfg := config()
		cfg.Lease, cfg.Heartbeat = patience, 5*time.Millisecond
		cfg.Logger = slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
		renewals := &slowRenewals{50 * time.Millisecond, make(chan struct{})}
		db.AddQueryHook(renewals) //nolint:staticcheck // a copy with the hook would not be the engine's
		eng := newEngine(t, db, cfg, one("a", func(ctx context.Context, _ *steps.Run[input]) error {
			for range 2 {
				select {
				case <-renewals.done:
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
