package engine_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// An engine with nothing to do asks for due jobs, in one statement whatever the
// number of its types, and hardly for anything else.
func TestAnIdleEngineAsksLittle(t *testing.T) {
	t.Parallel()
	for _, kind := range testdb.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			const types, settled, polls, poll = 100, 5, 20, 50 * time.Millisecond
			type look struct {
				asked int64 // statements so far
				at    time.Time
			}
			var asked atomic.Int64
			var inserted atomic.Bool
			looks := make(chan look, 2*(settled+polls))
			db := openOverheard(t, kind, func(query string) {
				n := asked.Add(1)
				if strings.Contains(query, "INSERT INTO job_system_jobs") {
					inserted.Store(true)
				}
				if !strings.Contains(query, " AS due_at") {
					return
				}
				select {
				case looks <- look{n, time.Now()}:
				default: // after the end of the test
				}
			})
			definitions := make([]steps.Handler, types)
			for k := range definitions {
				definitions[k] = one(fmt.Sprint("idle-", k), nothing)
			}
			start(t, newEngine(t, db, engine.Config{Poll: poll, Logger: quiet()}, definitions...))

			for range settled { // it begins by making the locks of its types
				receive(t, looks)
			}
			first := receive(t, looks)
			last := first
			for range polls {
				last = receive(t, looks)
			}
			assert.LessOrEqual(t, last.asked-first.asked, int64(2*polls), "statements in %d polls", polls)
			// A timer is never early, so that this holds on the slowest machine.
			const jitter = poll / 10
			assert.GreaterOrEqual(t, last.at.Sub(first.at), polls*(poll-jitter), "%d polls", polls)

			// Prepared statements are heard, too: they would count.
			enqueue(t, newEngine(t, db, config()), input{})
			assert.True(t, inserted.Load())
		})
	}
}
