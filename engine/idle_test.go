package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// An idle engine asks for due jobs, in one statement for all of its types, and for hardly
// anything else.
func TestAnIdleEngineAsksLittle(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		const types, settled, polls, poll = 100, 5, 20, 50 * time.Millisecond
		type checked struct {
			asked int64 // statements so far
			at    time.Time
		}
		var asked atomic.Int64
		var inserted atomic.Bool
		checks := make(chan checked, 2*(settled+polls))
		db := openSpied(t, text, func(call wire.Call) {
			n := asked.Add(1)
			switch store.OpOf(call.Text) {
			case store.OpInsert, store.OpInsertNotify:
				inserted.Store(true)
				return
			case store.OpReady:
			default:
				return
			}
			select {
			case checks <- checked{n, time.Now()}:
			default: // after the end of the test
			}
		})
		definitions := make([]steps.Handler, types)
		for k := range definitions {
			definitions[k] = one(fmt.Sprint("idle-", k), nothing)
		}
		start(t, newEngine(t, db, engine.Config{Poll: poll, Logger: quiet()}, definitions...))

		for range settled { // it begins by making the locks of its types
			receive(t, checks)
		}
		first := receive(t, checks)
		last := first
		for range polls {
			last = receive(t, checks)
		}
		assert.LessOrEqual(t, last.asked-first.asked, int64(2*polls), "statements in %d polls", polls)
		// A timer is never early, so that this holds on the slowest machine.
		const jitter = poll / 10
		assert.GreaterOrEqual(t, last.at.Sub(first.at), polls*(poll-jitter), "%d polls", polls)

		// Prepared statements are counted too.
		enqueue(t, newEngine(t, db, config()), input{})
		assert.True(t, inserted.Load())
	})
}
