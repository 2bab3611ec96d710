package faults_test

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// patience bounds each wait. It is reached only if something is broken.
const patience = 5 * time.Minute

// lease is that of the workers: short, so that faults last longer.
const lease = 2 * time.Second

// scene is people who enqueue jobs of all kinds, workers that run them, and a watch, on one
// database to which something happens.
type scene struct {
	t        *testing.T
	db       *bun.DB // the test's own way to the database
	dsn      string
	fleet    *proof.Fleet
	settings proof.Settings
	crowd    *crowd
	watch    *proof.Watch
	// finish ends the watch.
	finish  func()
	workers []*proof.Worker
	// longest is the time in which all types continued after a fault.
	longest time.Duration
	faults  int
	// takeovers is how often a worker was about to write late.
	takeovers int
}

// newScene makes a scene on a database with the tables, with a connection of the test that
// the faults leave alone.
func newScene(t *testing.T, text string) *scene {
	t.Helper()
	settings := proof.Short(proof.Types(0)...)
	settings.Lease, settings.Heartbeat, settings.Pace, settings.Listen = lease, lease/4, 100*time.Millisecond, text
	s := &scene{t: t, db: testdb.Open(t, text), dsn: text, fleet: proof.NewFleet(t, text), settings: settings}
	require.NoError(t, proof.MakeEffects(t.Context(), s.db))
	s.watch = proof.NewWatch(s.db)
	s.finish = s.watch.KeepTrying(t, 20*time.Millisecond)
	s.crowd = newCrowd(t, s)
	return s
}

// newServerScene is newScene on a server of its own.
func newServerScene(t *testing.T, kind testdb.Kind, opts ...testdb.ServerOption) (*scene, *testdb.Server) {
	t.Helper()
	server := testdb.StartServer(t, kind, opts...)
	text := server.EmptyDSN(t)
	migrate(t, text)
	return newScene(t, text), server
}

func migrate(t *testing.T, text string) {
	t.Helper()
	db := testdb.Open(t, text)
	require.NoError(t, migrations.Migrate(t.Context(), db))
}

// eachServer runs a test on each kind that is a server.
func eachServer(t *testing.T, run func(t *testing.T, kind testdb.Kind)) {
	t.Helper()
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			run(t, kind)
		})
	}
}

// work starts workers, and people who enqueue jobs.
func (s *scene) work(workers int) {
	s.t.Helper()
	for range workers {
		s.add(s.fleet.Start(s.settings))
	}
	s.crowd.begin()
}

// workAt starts a worker that uses another address of the database, started within a
// command if any is given.
func (s *scene) workAt(text string, within ...string) {
	s.t.Helper()
	settings := s.settings
	settings.Listen = text
	s.add(s.fleet.StartAt(proof.Post{DSN: text, Within: within}, settings))
}

// add makes a worker stop when the scene ends.
func (s *scene) add(w *proof.Worker) { s.workers = append(s.workers, w) }

// fault makes something fail, which is over when harm returns, and waits until jobs of all
// types have begun after that.
func (s *scene) fault(harm func()) {
	s.t.Helper()
	harm()
	s.faults++
	healed := proof.Now()
	s.crowd.askEach()
	s.awaitRuns(healed, func(proof.Entry) bool { return true })
}

// awaitRuns waits until a run of each type has begun since a moment, of those that count.
func (s *scene) awaitRuns(since proof.Moment, meant func(proof.Entry) bool) {
	s.t.Helper()
	var missing []string
	until(s.t, func() bool {
		at := make(map[string]proof.Moment)
		for _, e := range s.ledger() {
			if _, known := at[e.Type]; !known && e.What == proof.RunBegan && e.At > since && meant(e) {
				at[e.Type] = e.At
			}
		}
		missing = slices.DeleteFunc(slices.Clone(s.settings.Types), func(one string) bool { _, ok := at[one]; return ok })
		for _, moment := range at {
			s.longest = max(s.longest, moment.Sub(since))
		}
		return len(missing) == 0
	}, func() string { return fmt.Sprintf("jobs of the types %q have not gone on", missing) })
}

func (s *scene) ledger() []proof.Entry {
	s.t.Helper()
	ledger, err := proof.ReadLedgers(s.fleet.Dir())
	require.NoError(s.t, err)
	return ledger
}

// lost returns how many runs learned that their lease was lost.
func (s *scene) lost() (n int) {
	for _, e := range s.ledger() {
		if e.What == proof.RunOver && e.Error == "lease lost" {
			n++
		}
	}
	return n
}

// end stops all, proves that all is correct, and adds the scene's faults to the table.
func (s *scene) end(what string) {
	s.t.Helper()
	s.crowd.settle()
	for _, w := range s.workers {
		assert.NoError(s.t, w.Stop())
	}
	s.finish()
	findings, err := proof.Check(s.t.Context(), proof.Evidence{
		DB: s.db, Jobs: s.crowd.all(), Watch: s.watch, Ledger: s.ledger(), Fleets: []*proof.Fleet{s.fleet}, Lease: s.settings.Lease, Heartbeat: s.settings.Heartbeat,
	})
	require.NoError(s.t, err)
	proof.Report(s.t, what, findings)
	var jobs int
	require.NoError(s.t, s.db.NewRaw("SELECT COUNT(*) FROM job_system_jobs").Scan(s.t.Context(), &jobs))
	assert.Len(s.t, s.crowd.all(), jobs, "jobs were enqueued twice, or got lost")
	assert.Positive(s.t, s.faults, "nothing has happened")
	table.Add(fmt.Sprintf("%s: %s", s.db.Dialect().Name(), what), s.faults, findings, s.longest)
	s.t.Logf("%s: %d times; %d jobs; the tables were read %d times; %d runs lost their lease, %d takeovers before a late write; %v until all types continued",
		what, s.faults, jobs, s.watch.Looks(), s.lost(), s.takeovers, s.longest)
}

// until waits for a condition, which it checks often.
func until(t *testing.T, condition func() bool, otherwise func() string) {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(30 * time.Millisecond); ; {
		if condition() {
			tick.Stop()
			return
		}
		select {
		case <-deadline:
			require.FailNow(t, otherwise())
		case <-tick.C:
		}
	}
}

// last is how long a fault lasts; the end of the test ends it.
func last(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
