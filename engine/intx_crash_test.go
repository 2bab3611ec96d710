package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// childVariable makes this test binary run jobs until it is killed, on the database that
// the variable names.
const childVariable = "JOBSYSTEM_TEST_CHILD"

// childTypes is the number of jobs that run at once in such a process.
const childTypes = 48

func childType(n int) string { return fmt.Sprint("child:", n) }

// chain is a job that has one effect, and one successor, in its transaction.
func chain(n int, eng **engine.Engine, ran func()) *steps.Definition[input] {
	d := steps.Define[input](steps.Type(childType(n)), steps.ResumeOnCrash(1<<30))
	steps.InTx(d, "effect", func(ctx context.Context, tx steps.Tx, run *steps.Run[input]) (int, error) {
		ran()
		if err := addEffect(ctx, tx, run.Job().ID); err != nil {
			return 0, err
		}
		_, err := (*eng).WithTx(tx).Enqueue(ctx, raw(childType(n)))
		return n, err
	})
	steps.Do(d, "after", nothing)
	return d
}

// runChild is that process. It prints a line when the first step is running.
func runChild(text string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	go endWithParent()
	ctx := context.Background()
	db, err := dsn.Open(ctx, text)
	fail(err)
	cfg := config()
	cfg.Poll = 20 * time.Millisecond
	eng, err := engine.New(db, cfg)
	fail(err)
	running := make(chan struct{}, 1)
	for n := range childTypes {
		fail(eng.Register(chain(n, &eng, func() {
			select {
			case running <- struct{}{}:
				fmt.Println("running")
			default:
			}
		})))
	}
	fail(eng.Run(ctx))
}

// runAndKill runs a child, and kills it shortly after its first step has begun.
func runAndKill(t *testing.T, text string) {
	t.Helper()
	kill := startProcess(t, childVariable, text)
	time.Sleep(rand.N(60 * time.Millisecond)) // the moment is random
	kill()
}

// startProcess runs this test binary as the process of a variable, on a database, and waits
// until it has begun. It returns a function that kills it.
func startProcess(t *testing.T, variable, text string) (kill func()) {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), variable+"="+text)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe() // it ends with this process, which closes that
	require.NoError(t, err)
	stdout, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	said, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "running\n", said)
	return func() {
		defer stdin.Close()
		require.NoError(t, process.Process.Kill())
		assert.Error(t, process.Wait(), "it was killed")
	}
}

// endWithParent ends such a process after the one that started it has ended.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// A real process is killed repeatedly while dozens of its jobs commit: each of them has its
// effect if and only if its record says so, and once. So has the successor that it enqueued
// in the same transaction.
func TestAJobKilledAroundItsCommitHasItsEffectOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		rounds := 50
		if testing.Short() {
			rounds = 8
		}
		db := testdb.Open(t, text)
		makeEffects(t, db)
		eng := newEngine(t, db, config())
		for n := range childTypes {
			enqueue(t, eng, raw(childType(n)))
		}
		for range rounds {
			runAndKill(t, text)
			expireLeases(t, db)
		}
		// One statement: a commit that was running may still take effect.
		var jobs []struct {
			ID      string
			Data    json.RawMessage
			Effects int
		}
		require.NoError(t, db.NewRaw("SELECT j.id, j.data, (SELECT COUNT(*) FROM effects e WHERE e.job = CAST(j.id AS CHAR(36))) AS effects FROM job_system_jobs j").Scan(t.Context(), &jobs))
		done, crashes := 0, 0
		for _, job := range jobs {
			data, err := model.ParseData(job.Data)
			require.NoError(t, err)
			want := 0
			if i := data.Step("effect"); i >= 0 && data.Steps[i].Status == model.StepCompleted {
				want = 1
			}
			if data.Plan != nil {
				crashes += data.Plan.Crashes
			}
			done += want
			assert.Equal(t, want, job.Effects, "effects of job %s: %s", job.ID, job.Data)
		}
		assert.Len(t, jobs, childTypes+done, "each has one successor")
		assert.NotZero(t, crashes)
		t.Logf("%d rounds: %d jobs, %d effects, %d runs cut short", rounds, len(jobs), done, crashes)
	})
}

// expireLeases makes all leases expire, as if their engines had not renewed them: one by
// one, since a transaction of a killed process may still lock some.
func expireLeases(t *testing.T, db *bun.DB) {
	t.Helper()
	var types []string
	require.NoError(t, db.NewRaw("SELECT l.type FROM job_type_lock l").Scan(t.Context(), &types))
	for _, one := range types {
		_, err := db.NewRaw("UPDATE job_type_lock SET locked_until = updated_at WHERE job_id IS NOT NULL AND type = ?", one).Exec(t.Context())
		require.NoError(t, err)
	}
}

// makeEffects makes a table of the host in which jobs write their effects.
func makeEffects(t *testing.T, db *bun.DB) {
	t.Helper()
	_, err := db.NewRaw("CREATE TABLE effects (job CHAR(36) NOT NULL)").Exec(t.Context())
	require.NoError(t, err)
}

func addEffect(ctx context.Context, tx bun.IDB, job uuid.UUID) error {
	_, err := tx.NewRaw("INSERT INTO effects (job) VALUES (?)", job.String()).Exec(ctx)
	return err
}

// readEffects counts the effects by job.
func readEffects(t *testing.T, db *bun.DB) map[uuid.UUID]int {
	t.Helper()
	var ids []string
	require.NoError(t, db.NewRaw("SELECT job FROM effects").Scan(t.Context(), &ids))
	counts := make(map[uuid.UUID]int)
	for _, id := range ids {
		counts[uuid.MustParse(id)]++
	}
	return counts
}
