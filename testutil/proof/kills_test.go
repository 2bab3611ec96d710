package proof_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var kills = flag.Int("kills", 12, "how many workers to kill in the middle of a run on each database in TestWorkersKilledAtRandomMoments")

// Workers are killed at random moments, and others started in their place, while jobs of
// all kinds are enqueued, cancelled and resumed. Leases expire by themselves. The test
// continues until enough workers were killed during a run.
func TestWorkersKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	var table proof.Table
	t.Cleanup(func() { t.Logf("\n%s", &table) })
	testdb.EachDSN(t, func(t *testing.T, text string) {
		const workers = 3
		settings := proof.Short(proof.Types(0)...)
		settings.Pace = 5 * time.Millisecond
		db := testdb.Open(t, text)
		fleet := proof.NewFleet(t, text)
		crowd := newCrowd(t, db, fleet, settings)
		watch := proof.NewWatch(db)
		stopWatch := watch.Keep(t, 50*time.Millisecond)

		var alive []*proof.Worker
		for range workers {
			alive = append(alive, fleet.Start(settings))
		}
		done := crowd.busy(t)
		killed, hit := 0, 0
		for ; hit < *kills; killed++ {
			require.Less(t, killed, 20**kills, "only %d of the workers killed were in the middle of a run", hit)
			pause(t, 50*time.Millisecond+rand.N(250*time.Millisecond)) // the moment is random
			i := rand.N(workers)
			alive[i].Kill()
			if inARun(t, fleet, alive[i]) {
				hit++
			}
			alive[i] = fleet.Start(settings)
		}
		done()
		crowd.settle(t)
		for _, w := range alive {
			assert.NoError(t, w.Stop())
		}
		stopWatch()

		ledger, err := proof.ReadLedgers(fleet.Dir())
		require.NoError(t, err)
		findings, err := proof.Check(t.Context(), proof.Evidence{
			DB: db, Jobs: crowd.all(), Watch: watch, Ledger: ledger, Fleets: []*proof.Fleet{fleet}, Lease: settings.Lease, Heartbeat: settings.Heartbeat,
		})
		require.NoError(t, err)
		proof.Report(t, "random kills", findings)
		recovered := slices.Max(append(proof.Recoveries(ledger, fleet), 0))
		table.Add(fmt.Sprintf("%s: SIGKILL at a random moment (lease %v)", db.Dialect().Name(), settings.Lease), killed, findings, recovered)
		t.Logf("%d kills, %d in the middle of a run; %d jobs; the tables were read %d times", killed, hit, len(crowd.all()), watch.Looks())
	})
}

// inARun reports whether a worker, which is dead, had begun a run that had not ended.
func inARun(t *testing.T, fleet *proof.Fleet, w *proof.Worker) bool {
	t.Helper()
	ledger, err := proof.ReadLedger(fleet.Dir(), w.Name)
	require.NoError(t, err)
	open := 0
	for _, e := range ledger {
		switch e.What {
		case proof.RunBegan:
			open++
		case proof.RunOver:
			open--
		}
	}
	return open > 0
}

// pause waits; the end of the test ends it.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

// crowd is people who enqueue jobs of all kinds, cancel some and resume some of those.
type crowd struct {
	db     *bun.DB
	client *engine.Client

	mu   sync.Mutex
	jobs []proof.Job
	// regretted are jobs that were cancelled and will be resumed.
	regretted []int
}

func newCrowd(t *testing.T, db *bun.DB, fleet *proof.Fleet, s proof.Settings) *crowd {
	t.Helper()
	require.NoError(t, proof.MakeEffects(t.Context(), db))
	ledger, err := proof.NewLedger(fleet.Dir(), "crowd")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ledger.Close()) })
	eng, err := proof.NewEngine(db, ledger, s, quiet())
	require.NoError(t, err)
	return &crowd{db: db, client: &eng.Client}
}

func (c *crowd) all() []proof.Job {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.jobs)
}

// busy makes them work until the function that it returns is called.
func (c *crowd) busy(t *testing.T) (done func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	every := func(d time.Duration, do func(context.Context, *testing.T)) {
		group.Go(func() {
			for tick := time.NewTicker(d); ; {
				select {
				case <-ctx.Done():
					tick.Stop()
					return
				case <-tick.C:
					do(t.Context(), t)
				}
			}
		})
	}
	every(20*time.Millisecond, c.enqueue)
	every(70*time.Millisecond, c.cancel)
	stop := sync.OnceFunc(func() { cancel(); group.Wait() })
	t.Cleanup(stop)
	return stop
}

// enqueue enqueues a job, unless many wait already.
func (c *crowd) enqueue(ctx context.Context, t *testing.T) {
	const many = 80
	waiting := 0
	err := c.db.NewRaw("SELECT COUNT(*) FROM job_system_jobs j WHERE j.status = 'scheduled'").Scan(ctx, &waiting)
	if !assert.NoError(t, err) || waiting > many {
		return
	}
	c.mu.Lock()
	n := len(c.jobs)
	c.mu.Unlock()
	types := proof.Types(0)
	jobType := types[rand.N(len(types))]
	job, err := c.client.Enqueue(ctx, engine.RawInput{Type: jobType, Input: fmt.Appendf(nil, `{"n":%d}`, n)})
	if !assert.NoError(t, err) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs = append(c.jobs, proof.Job{ID: job.ID.String(), Type: jobType, N: n})
}

// cancel requests the cancel of one of the newest jobs.
func (c *crowd) cancel(ctx context.Context, t *testing.T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := len(c.jobs) - 1 - rand.N(60)
	// A step that the kind Undo has undone is not done again.
	if i < 0 || proof.KindOf(c.jobs[i].Type) == proof.Undo {
		return
	}
	c.jobs[i].Cancel = true
	var status *engine.StatusError
	err := c.client.Cancel(ctx, uuid.MustParse(c.jobs[i].ID), "a person", "changed their mind")
	if err != nil && !errors.As(err, &status) { // it has ended already
		assert.NoError(t, err)
	}
	if rand.N(2) == 0 {
		c.regretted = append(c.regretted, i)
	}
}

// settle waits until all jobs have ended, resumes the cancelled ones that will be resumed,
// and waits for these.
func (c *crowd) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	require.NoError(t, proof.Await(ctx, c.db, c.client, c.all()))
	for _, i := range c.regretted {
		var status *engine.StatusError
		switch err := c.client.Resume(ctx, uuid.MustParse(c.jobs[i].ID)); {
		case errors.As(err, &status): // it had ended in another way
		default:
			require.NoError(t, err)
		}
		c.jobs[i].Cancel = false
	}
	require.NoError(t, proof.Await(ctx, c.db, c.client, c.all()))
}
