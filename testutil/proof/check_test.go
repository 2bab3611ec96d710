package proof_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// scene is a database, in SQLite, on which two jobs of the kind InTx, of one type, and one of
// the kind ByHand have ended as they should, and what was seen of that.
type scene struct {
	t *testing.T
	proof.Evidence
}

// newStage makes a file with that database in it, and the ledger.
func newStage(t *testing.T) stage {
	t.Helper()
	stage := stage{file: filepath.Join(t.TempDir(), "jobs.db")}
	db := testdb.Open(t, dsn.File(stage.file))
	require.NoError(t, migrations.Migrate(t.Context(), db))
	require.NoError(t, proof.MakeEffects(t.Context(), db))
	tr := newTrial(t, db, dsn.File(stage.file), scenario{kinds: []proof.Kind{proof.InTx, proof.InTx, proof.ByHand}}, 1)
	tr.goOn(0)
	require.NoError(t, tr.ledger.Close())
	var err error
	stage.ledger, err = proof.ReadLedgers(tr.fleet.Dir())
	require.NoError(t, err)
	stage.jobs, stage.settings = tr.jobs, tr.settings()
	_, err = db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	return stage
}

type stage struct {
	file     string
	jobs     []proof.Job
	ledger   []proof.Entry
	settings proof.Settings
}

// scene returns a copy of the stage.
func (st stage) scene(t *testing.T) *scene {
	t.Helper()
	raw, err := os.ReadFile(st.file)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "jobs.db")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	db := testdb.Open(t, dsn.File(file))
	return &scene{t, proof.Evidence{
		DB: db, Jobs: slices.Clone(st.jobs), Watch: proof.NewWatch(db), Ledger: slices.Clone(st.ledger),
		Lease: st.settings.Lease, Heartbeat: st.settings.Heartbeat,
	}}
}

// sql changes the database; ? is the first job's id.
func (s *scene) sql(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		_, err := s.DB.NewRaw(text, s.Jobs[0].ID).Exec(s.t.Context())
		require.NoError(s.t, err)
	}
}

// seen makes the watch see the first job as if it were processing.
func (s *scene) seen() {
	s.t.Helper()
	s.sql("UPDATE job_system_jobs SET status = 'processing' WHERE id = ?")
	require.NoError(s.t, s.Watch.Look(s.t.Context()))
	s.sql("UPDATE job_system_jobs SET status = 'succeeded' WHERE id = ?")
}

// entry returns the index of a job's entry in the ledger.
func (s *scene) entry(job int, what, step string) int {
	s.t.Helper()
	i := slices.IndexFunc(s.Ledger, func(e proof.Entry) bool {
		return e.Job == s.Jobs[job].ID && e.What == what && e.Step == step
	})
	require.GreaterOrEqual(s.t, i, 0)
	return i
}

func (s *scene) check() []proof.Finding {
	s.t.Helper()
	slices.SortStableFunc(s.Ledger, func(a, b proof.Entry) int { return int(a.At.Sub(b.At)) })
	found, err := proof.Check(context.WithoutCancel(s.t.Context()), s.Evidence)
	require.NoError(s.t, err)
	return found
}

// Each possible mistake is found, and classified correctly.
func TestTheProofFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	stage := newStage(t)
	well := stage.scene(t)
	well.seen()
	require.Empty(t, well.check(), "nothing, where all is well")
	const of = " WHERE id = ?"
	cases := []struct {
		name  string
		wrong func(*scene)
		what  proof.What
		says  string
	}{
		{"a job is gone", func(s *scene) { s.sql("DELETE FROM job_system_jobs" + of) }, proof.Lost, "is not there"},
		{"a job has failed", func(s *scene) { s.sql("UPDATE job_system_jobs SET status = 'failed', error = 'why'" + of) }, proof.Lost, `has ended as failed "why"`},
		{"a job does not go on", func(s *scene) { s.sql("UPDATE job_system_jobs SET status = 'scheduled'" + of) }, proof.Wedged, "is scheduled"},
		{"a job runs still", func(s *scene) { s.sql("UPDATE job_system_jobs SET status = 'processing'" + of) }, proof.Wedged, "is processing still"},
		{"a result is another", func(s *scene) { s.sql("UPDATE job_system_jobs SET data = json_set(data, '$.result', 7)" + of) }, proof.Lost, "has the result 7"},
		{"an output is another", func(s *scene) { s.sql("UPDATE job_system_jobs SET data = json_set(data, '$.steps[0].output', 7)" + of) }, proof.Lost, "with output 7"},
		{"a record is gone", func(s *scene) { s.sql("UPDATE job_system_jobs SET data = json_remove(data, '$.steps[1]')" + of) }, proof.Lost, "has records of the steps"},
		{"a record is there twice", func(s *scene) {
			s.sql("UPDATE job_system_jobs SET data = json_insert(data, '$.steps[#]', json_extract(data, '$.steps[1]'))" + of)
		}, proof.Doubled, "has two records"},
		{"records have changed places", func(s *scene) {
			s.sql("UPDATE job_system_jobs SET data = json_set(data, '$.steps[0]', json_extract(data, '$.steps[1]'), '$.steps[1]', json_extract(data, '$.steps[0]'))" + of)
		}, proof.Lost, "has records of the steps"},
		{"a step is not completed", func(s *scene) {
			s.sql("UPDATE job_system_jobs SET data = json_set(data, '$.steps[1].status', 'pending')" + of)
		}, proof.Lost, "recorded as pending"},
		{"a record has changed since", func(s *scene) {
			s.seen()
			s.sql("UPDATE job_system_jobs SET data = json_set(data, '$.steps[0].attempts', 2)" + of)
		}, proof.Lost, "has another record"},
		{"a record has vanished since", func(s *scene) {
			s.seen()
			s.sql("UPDATE job_system_jobs SET data = json_remove(data, '$.steps[2]')" + of)
		}, proof.Lost, "has no record any more"},
		{"an attempt has fallen", func(s *scene) {
			s.seen()
			s.sql("UPDATE job_system_jobs SET attempt = 0" + of)
		}, proof.Doubled, "has attempt 0 after it had 1"},
		{"two jobs of a type are processing", func(s *scene) {
			s.sql("DROP INDEX job_system_jobs_processing", "UPDATE job_system_jobs SET status = 'processing'")
			require.NoError(s.t, s.Watch.Look(s.t.Context()))
			s.sql("UPDATE job_system_jobs SET status = 'succeeded'")
		}, proof.Doubled, "of the same type"},
		{"an effect is gone", func(s *scene) { s.sql("DELETE FROM proof_effects WHERE job = ?") }, proof.Lost, "whose effect is not there"},
		{"an effect is there twice", func(s *scene) { s.sql("INSERT INTO proof_effects (job) VALUES (?)") }, proof.Doubled, "has 2 effects"},
		{"a lock covers a job", func(s *scene) { s.sql("UPDATE job_type_lock SET job_id = ?") }, proof.Wedged, "covers job"},
		{"a lock is held", func(s *scene) { s.sql("UPDATE job_type_lock SET locked_until = locked_until + 60000000") }, proof.Wedged, "covers nothing"},
		{"a step never began", func(s *scene) {
			s.Ledger = slices.DeleteFunc(s.Ledger, func(e proof.Entry) bool { return e.Job == s.Jobs[0].ID && e.Step == "first" })
		}, proof.Lost, "it never began"},
		{"a step began again", func(s *scene) {
			s.seen()
			again := s.Ledger[s.entry(0, proof.StepBegan, "first")]
			again.At, again.Run = proof.Now(), 2
			s.Ledger = append(s.Ledger, again)
		}, proof.Doubled, "has begun its step \"first\" again"},
		{"two runs of a type work at a time", func(s *scene) {
			s.Ledger[s.entry(0, proof.StepEnded, "last")].At = s.Ledger[s.entry(1, proof.StepEnded, "first")].At
		}, proof.Doubled, "of the same type was under way"},
		{"a run is run by two", func(s *scene) {
			other := s.Ledger[s.entry(0, proof.RunBegan, "")]
			other.Worker, other.At = "another", other.At+1
			s.Ledger = append(s.Ledger, other)
		}, proof.Doubled, "was run twice"},
		{"runs began in the wrong order", func(s *scene) {
			later := s.Ledger[s.entry(0, proof.RunBegan, "")]
			later.Run, later.At = 2, later.At-1
			s.Ledger = append(s.Ledger, later)
		}, proof.Doubled, "has begun its attempt 1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := stage.scene(t)
			c.wrong(s)
			found := s.check()
			assert.True(t, slices.ContainsFunc(found, func(f proof.Finding) bool {
				return f.What == c.what && strings.Contains(f.Says, c.says)
			}), "%s: %q is not among %v", c.what, c.says, found)
		})
	}
}

// A run whose process did not know that its lease had expired may work beside the run that
// has replaced it: nothing can prevent that.
func TestTheProofAllowsForARunWhoseLeaseWasOver(t *testing.T) {
	t.Parallel()
	s := newStage(t).scene(t)
	s.Ledger[s.entry(0, proof.StepEnded, "last")].At = s.Ledger[s.entry(1, proof.StepEnded, "first")].At
	claimed := &s.Ledger[s.entry(0, proof.RunBegan, "")].Claimed
	*claimed = claimed.Add(-s.Lease)
	assert.Empty(t, s.check())
}
