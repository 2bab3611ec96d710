package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"testing"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/testutil/proof"
)

// crowd is people who enqueue jobs of all kinds. If they get no answer, they repeat that
// with the same key.
type crowd struct {
	t      *testing.T
	scene  *scene
	client *engine.Client
	stop   func()
	// padding makes the inputs larger.
	padding int

	mu   sync.Mutex
	next int
	jobs []proof.Job
	// failures are the errors that they got.
	failures []string
	// paused makes them enqueue nothing by themselves.
	paused atomic.Bool
}

func newCrowd(t *testing.T, s *scene) *crowd {
	t.Helper()
	ledger, err := proof.NewLedger(s.fleet.Dir(), "crowd")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ledger.Close()) })
	eng, err := proof.NewEngine(s.db, ledger, s.settings, quiet())
	require.NoError(t, err)
	return &crowd{t: t, scene: s, client: &eng.Client}
}

// begin makes them work until settle, or the end of the test.
func (c *crowd) begin() {
	ctx, cancel := context.WithCancel(c.t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		types := c.scene.settings.Types
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				if !c.paused.Load() && c.open(ctx) < mostOpen {
					c.ask(types[rand.N(len(types))])
				}
			}
		}
	})
	c.stop = sync.OnceFunc(func() { cancel(); group.Wait() })
	c.t.Cleanup(c.stop)
}

// mostOpen is how many jobs may wait when another one is enqueued: a slow machine must not
// be left with more than it can do.
const mostOpen = 40

// open returns how many jobs have not ended, many if that is not known.
func (c *crowd) open(ctx context.Context) (n int) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := c.scene.db.NewRaw("SELECT COUNT(*) FROM job_system_jobs j WHERE j.status IN ('scheduled', 'processing')").Scan(ctx, &n); err != nil {
		return mostOpen
	}
	return n
}

// askEach enqueues a job of each type.
func (c *crowd) askEach() {
	for _, one := range c.scene.settings.Types {
		c.ask(one)
	}
}

// ask enqueues a job, and returns when it knows that the job exists.
func (c *crowd) ask(jobType string) {
	c.mu.Lock()
	n := c.next
	c.next++
	c.mu.Unlock()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && c.t.Context().Err() == nil; {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		job, failed := c.client.Enqueue(ctx, engine.RawInput{Type: jobType, Input: fmt.Appendf(nil, `{"n":%d,"pad":%q}`, n, strings.Repeat("x", c.padding))}, engine.IdempotencyKey(fmt.Sprint(n)))
		cancel()
		if err = failed; err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.jobs = append(c.jobs, proof.Job{ID: job.ID.String(), Type: jobType, N: n})
			return
		}
		c.mu.Lock()
		c.failures = append(c.failures, err.Error())
		c.mu.Unlock()
		last(c.t, 20*time.Millisecond)
	}
	if c.t.Context().Err() == nil {
		assert.NoError(c.t, err)
	}
}

func (c *crowd) all() []proof.Job {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.jobs)
}

func (c *crowd) failed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failures)
}

// settle stops them, and waits until all their jobs have ended.
func (c *crowd) settle() {
	c.t.Helper()
	c.stop()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var err error
	for ctx.Err() == nil { // a fault may have broken the connection
		if err = proof.Await(ctx, c.scene.db, c.client, c.all()); err == nil {
			return
		}
	}
	require.NoError(c.t, err)
}
