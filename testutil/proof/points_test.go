package proof_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/proof"
)

var (
	every     = flag.Bool("every", false, "try every point, and not a sample")
	sample    = flag.Int("points", 20, "how many points to try on each database, of a third of the scenarios")
	only      = flag.String("scenarios", "", "a regular expression of those to try, in place of that third")
	migrating = flag.Int("migrating", 2, "how many points of migrating up, and of migrating down, to try on each database")
	seed      = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the sample")
)

// A process dies just before, and just after, each of the statements and commits
// of each thing that a process does. Somebody else goes on, and the end is as if
// nothing had been.
func TestAProcessMayDieAtEachOfItsStatements(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d", *seed)
	var table proof.Table
	t.Cleanup(func() { t.Logf("\n%s", &table) })
	testutil.EachDSN(t, func(t *testing.T, text string) {
		db := testutil.Open(t, text)
		require.NoError(t, proof.MakeEffects(t.Context(), db))
		_, err := db.NewRaw("CREATE TABLE proof_host (n INTEGER NOT NULL)").Exec(t.Context())
		require.NoError(t, err)
		n := 0
		try := func(p point) (moments []moment, died bool) {
			n++
			tr := newTrial(t, db, text, p.of, n)
			moments, died = tr.play(p)
			at := fmt.Sprintf("%s: %v", p.of.name, moments[len(moments)-1])
			if died {
				table.Add(at, 1, tr.findings, tr.recovered)
			}
			proof.Report(t, at, tr.findings)
			if proof.Count(tr.findings, proof.Wedged) > 0 {
				t.FailNow() // what comes next would meet what is left of this
			}
			return moments, died
		}
		rng := rand.New(rand.NewPCG(*seed, uint64(db.Dialect().Name()))) // each database has another sample
		var all []point
		for _, s := range someScenarios(rng) {
			moments, died := try(point{of: s})
			require.False(t, died, s.name)
			for _, p := range points(moments) {
				p.of = s
				all = append(all, p)
			}
		}
		missed := 0
		some := chosen(all, rng, *sample)
		for _, p := range some {
			if _, died := try(p); !died { // what runs jobs does not always ask as often
				missed++
			}
		}
		t.Logf("%d of %d points tried; %d did not come this time", len(some)-missed, len(all), missed)
	})
}

// someScenarios are a third of them, those that the flag names, or all.
func someScenarios(rng *rand.Rand) []scenario {
	all := scenarios()
	switch {
	case *only != "":
		return slices.DeleteFunc(all, func(s scenario) bool { return !regexp.MustCompile(*only).MatchString(s.name) })
	case *every:
		return all
	}
	rng.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all[:(len(all)+2)/3]
}

// point is a moment by its number, among those before or those after.
type point struct {
	of     scenario
	number int
	after  bool
	reads  bool // its statement does nothing else
}

// points are those that an undisturbed process has lived through.
func points(moments []moment) (all []point) {
	counts := map[bool]int{}
	for _, m := range moments {
		counts[m.After]++
		all = append(all, point{number: counts[m.After], after: m.After, reads: m.Reads})
	}
	return all
}

// chosen is a sample of points, most of them of statements that change something,
// or all of them.
func chosen(all []point, rng *rand.Rand, most int) []point {
	if *every {
		return all
	}
	const one = 8 // of so many that read
	some := slices.DeleteFunc(slices.Clone(all), func(p point) bool { return p.reads && rng.IntN(one) > 0 })
	rng.Shuffle(len(some), func(i, k int) { some[i], some[k] = some[k], some[i] })
	return some[:min(most, len(some))]
}

// trial is one death, and what comes after it.
type trial struct {
	t        *testing.T
	db       *bun.DB
	client   *engine.Client
	fleet    *proof.Fleet
	ledger   *proof.Ledger
	scenario scenario
	n        int // the input of its jobs, and of no others
	jobs     []proof.Job
	findings []proof.Finding
	// recovered is the time from the death until all had ended.
	recovered time.Duration
}

func newTrial(t *testing.T, db *bun.DB, text string, s scenario, n int) *trial {
	t.Helper()
	tr := &trial{t: t, db: db, scenario: s, n: n, fleet: proof.NewFleet(t, text)}
	var err error
	tr.ledger, err = proof.NewLedger(tr.fleet.Dir(), "survivor")
	require.NoError(t, err)
	eng, err := proof.NewEngine(db, tr.ledger, tr.settings(), quiet())
	require.NoError(t, err)
	tr.client = &eng.Client
	for _, kind := range s.kinds {
		job, err := tr.client.Enqueue(t.Context(), raw(kind, n))
		require.NoError(t, err)
		tr.jobs = append(tr.jobs, proof.Job{ID: job.ID.String(), Type: job.Type, N: n})
	}
	if s.prepare != nil {
		s.prepare(tr)
	}
	return tr
}

// settings are for engines that run what the scenario has, or may enqueue.
func (tr *trial) settings() proof.Settings { return proof.Unhurried(proof.Types(0)...) }

// play has a process do what the scenario says, and die at a moment of it if it
// comes to that, and somebody else go on. It returns what the process has lived
// through, and whether it died.
func (tr *trial) play(p point) (moments []moment, died bool) {
	t := tr.t
	defer tr.ledger.Close()
	orders := actorOrders{Scenario: tr.scenario.name, N: tr.n, Number: p.number, After: p.after}
	for _, job := range tr.jobs {
		orders.Jobs = append(orders.Jobs, job.ID)
	}
	settings := tr.settings()
	settings.Poll = time.Second // what it asks for because of the time that has passed is no point of its own
	w := tr.fleet.Begin(actorRole, settings, orders)
	over := tr.untilOver(w)
	gone := proof.Now()
	if died = w.Killed(); !died {
		require.NoError(t, w.Wait(), w.Log())
	}
	if !over {
		tr.find(proof.Wedged, "the process has not ended what it was for within %v; its log:\n%s", patience, w.Log())
	}
	moments, err := readMoments(tr.fleet.Dir(), w.Name)
	require.NoError(t, err)
	require.NotEmpty(t, moments)
	watch := proof.NewWatch(tr.db)
	require.NoError(t, watch.Look(t.Context()))
	if tr.scenario.judge != nil {
		tr.scenario.judge(tr, moments[len(moments)-1])
	}
	require.NoError(t, proof.ExpireLeases(t.Context(), tr.db))
	tr.goOn()
	tr.recovered = proof.Now().Sub(gone)
	tr.check(watch)
	return moments, died
}

// check proves the end.
func (tr *trial) check(watch *proof.Watch) {
	t := tr.t
	ledger, err := proof.ReadLedgers(tr.fleet.Dir())
	require.NoError(t, err)
	found, err := proof.Check(t.Context(), proof.Evidence{
		DB: tr.db, Jobs: tr.jobs, Watch: watch, Ledger: ledger, Fleets: []*proof.Fleet{tr.fleet},
		Lease: tr.settings().Lease, Heartbeat: tr.settings().Heartbeat,
	})
	require.NoError(t, err)
	tr.findings = append(tr.findings, found...)
}

// patience bounds every wait; nothing waits that long unless broken.
const patience = 3 * time.Minute

// untilOver waits until the process has died, or done what it was for, and has
// one that runs jobs stop then. It reports whether it came to that; if not, it
// kills the process.
func (tr *trial) untilOver(w *proof.Worker) bool {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case <-w.Over():
			return true
		case <-deadline.C:
			w.Kill()
			return false
		case <-poll.C:
		}
		if tr.scenario.act == nil && tr.ended() {
			_ = w.Stop() // it may be over already
			_ = w.Wait()
			return true
		}
	}
}

// ended reports whether all jobs have.
func (tr *trial) ended() bool {
	ids := make([]string, len(tr.jobs))
	for i, job := range tr.jobs {
		ids[i] = job.ID
	}
	open := 0
	require.NoError(tr.t, tr.db.NewRaw("SELECT COUNT(*) FROM job_system_jobs j WHERE j.id IN (?) AND j.status IN ('scheduled', 'processing')", bun.List(ids)).
		Scan(tr.t.Context(), &open))
	return open == 0
}

// goOn has an engine that nothing happens to bring the jobs to their ends.
func (tr *trial) goOn() {
	t := tr.t
	eng, err := proof.NewEngine(tr.db, tr.ledger, tr.settings(), quiet())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- eng.Run(ctx) }()
	limited, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, proof.Await(limited, tr.db, &eng.Client, tr.jobs))
	if limited.Err() != nil {
		t.Errorf("the jobs have not ended within %v; what this process does:", patience)
		assert.NoError(t, pprof.Lookup("goroutine").WriteTo(os.Stderr, 1))
	}
	stop()
	assert.NoError(t, <-done)
}

// takeIn takes in the jobs that the process has enqueued, of which there must be
// so many.
func (tr *trial) takeIn(want int) {
	var rows []struct {
		ID   string `bun:"id"`
		Type string `bun:"type"`
		Data []byte `bun:"data"`
	}
	require.NoError(tr.t, tr.db.NewRaw("SELECT j.id, j.type, j.data FROM job_system_jobs j WHERE j.status = 'scheduled'").Scan(tr.t.Context(), &rows))
	for _, r := range rows {
		data, err := model.ParseData(r.Data)
		require.NoError(tr.t, err)
		require.JSONEq(tr.t, fmt.Sprintf(`{"n":%d}`, tr.n), string(data.Input), "the job is one of this trial")
		tr.jobs = append(tr.jobs, proof.Job{ID: r.ID, Type: r.Type, N: tr.n})
	}
	switch got := len(tr.jobs); {
	case got < want:
		tr.find(proof.Lost, "of %d jobs %d were enqueued", want, got)
	case got > want:
		tr.find(proof.Doubled, "instead of %d jobs %d were enqueued", want, got)
	}
}

// wantStatus wants the job to be in that state.
func (tr *trial) wantStatus(want model.Status) {
	var got string
	require.NoError(tr.t, tr.db.NewRaw("SELECT j.status FROM job_system_jobs j WHERE j.id = ?", tr.jobs[0].ID).Scan(tr.t.Context(), &got))
	if got != string(want) {
		tr.find(proof.Lost, "after the process has died, the job is %s, and not %s", got, want)
	}
}

func (tr *trial) find(what proof.What, format string, args ...any) {
	tr.findings = append(tr.findings, proof.Finding{What: what, Says: fmt.Sprintf(format, args...)})
}
