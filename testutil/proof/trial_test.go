package proof_test

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/proof"
)

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

// settings returns settings for engines that run what the scenario has, or may enqueue.
func (tr *trial) settings() proof.Settings { return proof.Unhurried(proof.Types(0)...) }

// play runs a process that does what the scenario says, and dies at a moment of it if it
// reaches that, and another process that continues. It returns the moments that the process
// has lived through, and whether it died.
func (tr *trial) play(p point) (moments []moment, died bool) {
	t := tr.t
	defer tr.ledger.Close()
	orders := actorOrders{Scenario: tr.scenario.name, N: tr.n, Number: p.number, After: p.after}
	for _, job := range tr.jobs {
		orders.Jobs = append(orders.Jobs, job.ID)
	}
	settings := tr.settings()
	settings.Poll = time.Second // polls are no points
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
	tr.goOn(w.Process())
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

// patience bounds each wait. It is reached only if something is broken.
const patience = 3 * time.Minute

// untilOver waits until the process has died, or done what it was for; it stops a process
// that runs jobs then. It reports whether the process ended so; if not, it kills it.
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
			_ = w.Stop() // it may have ended already
			_ = w.Wait()
			return true
		}
	}
}

// ended reports whether all jobs have ended.
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

// goOn runs an engine that nothing happens to until the jobs have ended, after a process
// has died.
func (tr *trial) goOn(dead int) {
	t := tr.t
	eng, err := proof.NewEngine(tr.db, tr.ledger, tr.settings(), quiet())
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- eng.Run(ctx) }()
	limited, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ; limited.Err() == nil; <-tick.C {
			_ = proof.ExpireLeasesOf(limited, tr.db, dead) // what fails is repeated
		}
	}()
	require.NoError(t, proof.Await(limited, tr.db, &eng.Client, tr.jobs))
	if limited.Err() != nil {
		t.Errorf("the jobs have not ended within %v; what this process does:", patience)
		assert.NoError(t, pprof.Lookup("goroutine").WriteTo(os.Stderr, 1))
	}
	stop()
	assert.NoError(t, <-done)
}

// takeIn adds the jobs that the process has enqueued to the trial, and checks their number.
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

// wantStatus expects the job to be in that state.
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
