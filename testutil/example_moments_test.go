package testutil_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// newsletter collects and mails, like [SendDigest], and counts how often.
func newsletter(opts ...testutil.HarnessOption) (h *testutil.Harness, collected, mailed *int) {
	collected, mailed = new(int), new(int)
	h = testutil.NewHarness(testutil.Example(), SendDigest(
		func(int) []string { *collected++; return []string{"Rust"} },
		func(string, []string) error { *mailed++; return nil },
	), opts...)
	return h, collected, mailed
}

func ExampleNewHarness() {
	h, _, mailed := newsletter()
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Run().Status, *mailed)
	// Output: succeeded 1
}

func ExampleHarness_Run() {
	h, collected, mailed := newsletter()
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Run().Status, "collected", *collected, "mailed", *mailed)
	// Output: succeeded collected 1 mailed 1
}

// The process dies where a power cut hurts most: the mail is sent, and that is not
// recorded.
func ExampleHarness_Kill() {
	h, collected, mailed := newsletter()
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Kill(testutil.BeforeRecord("mail")).Status)
	h.Resume()
	fmt.Println(h.Run().Status, "collected", *collected, "mailed", *mailed)
	// Output:
	// failed
	// succeeded collected 1 mailed 2
}

// A deployment stops the engine: the job continues elsewhere, and nothing is done twice.
func ExampleHarness_Stop() {
	h, collected, mailed := newsletter()
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Stop(testutil.BeforeRecord("collect")).Status)
	fmt.Println(h.Run().Status, "collected", *collected, "mailed", *mailed)
	// Output:
	// scheduled
	// succeeded collected 1 mailed 1
}

func ExampleHarness_Cancel() {
	h, _, mailed := newsletter()
	h.Enqueue(Digest{Week: 43})
	status := h.Cancel(testutil.BeforeRecord("collect"), "ann", "wrong week")
	fmt.Println(status.Status, "by", status.CancelledBy, "mailed", *mailed)
	// Output: cancelled by ann mailed 0
}

// Resume continues, Restart begins again.
func ExampleHarness_Restart() {
	h, collected, _ := newsletter()
	h.Enqueue(Digest{Week: 43})
	h.Kill(testutil.AfterStep("collect"))
	h.Restart()
	fmt.Println(h.Run().Status, "collected", *collected)
	// Output: succeeded collected 2
}

func ExampleHarness_Resume() {
	h, collected, _ := newsletter()
	h.Enqueue(Digest{Week: 43})
	h.Kill(testutil.AfterStep("collect"))
	h.Resume(engine.RerunFrom("collect"))
	fmt.Println(h.Run().Status, "collected", *collected)
	// Output: succeeded collected 2
}

// A step fails without being called: what do the other steps do?
func ExampleHarness_FailStep() {
	h, _, mailed := newsletter()
	h.Enqueue(Digest{Week: 43})
	h.FailStep("mail", 1)
	fmt.Println(h.Run().Error, "- mailed", *mailed)
	h.Resume()
	fmt.Println(h.Run().Status, *mailed)
	// Output:
	// step "mail": the test makes the step fail - mailed 0
	// succeeded 1
}

func ExampleHarness_RequireStep() {
	h, _, _ := newsletter()
	h.Enqueue(Digest{Week: 43})
	h.Kill(testutil.AfterStep("collect"))
	fmt.Println(string(h.RequireStep("collect", model.StepCompleted).Output))
	// Output: ["Rust"]
}

func ExampleHarness_Output() {
	h, _, _ := newsletter()
	h.Enqueue(Digest{Week: 43})
	h.Run()
	var articles []string
	h.Output("collect", &articles)
	fmt.Println(articles)
	// Output: [Rust]
}

func ExampleHarness_Records() {
	h, _, _ := newsletter()
	h.Enqueue(Digest{Week: 43})
	h.Run()
	for _, record := range h.Records() {
		fmt.Println(record.Name, record.Status)
	}
	// Output:
	// collect completed
	// mail completed
}

func ExampleHarness_Status() {
	h, _, _ := newsletter()
	h.Enqueue(Digest{Week: 43}, engine.Name("Week 43"))
	fmt.Println(h.Status().Name, h.Status().Status)
	// Output: Week 43 scheduled
}

// Another version of the definition continues a job of the previous one.
func ExampleHarness_Follow() {
	before, _, _ := newsletter()
	job := before.Enqueue(Digest{Week: 43})
	before.Stop(testutil.BeforeRecord("collect"))
	after, collected, mailed := newsletter(testutil.OnDB(before.DB()))
	after.Follow(job.ID)
	fmt.Println(after.Run().Status, *collected, *mailed)
	// Output: succeeded 0 1
}

// The engine of a harness is for all that the harness has no method for.
func ExampleHarness_Engine() {
	h, _, _ := newsletter()
	job := h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Engine().Cancel(context.Background(), job.ID, "ann", "not needed"))
	fmt.Println(h.Status().CancelReason)
	// Output:
	// <nil>
	// not needed
}

// A job that waits is shown as such; Run would keep waiting.
func ExampleHarness_RunToWait() {
	h := testutil.NewHarness(testutil.Example(), Reminder(func(string) {}))
	h.Enqueue(Digest{Week: 43})
	status := h.RunToWait()
	fmt.Println(status.Status, "for", status.WaitsFor)
	// Output: scheduled for the signal "approve"
}

func ExampleHarness_Signal() {
	h := testutil.NewHarness(testutil.Example(), Reminder(func(string) {}))
	h.Enqueue(Digest{Week: 43})
	h.Signal("approve", "ann")
	fmt.Println(h.RunToWait().WaitsFor)
	// Output: step "a day" to end
}

func ExampleBeforeStep() {
	h, collected, _ := newsletter()
	h.Enqueue(Digest{Week: 43})
	h.Kill(testutil.BeforeStep("collect"))
	fmt.Println("collected", *collected)
	// Output: collected 0
}

func ExampleBeforeRecord() {
	h, collected, _ := newsletter()
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Kill(testutil.BeforeRecord("collect")).StepsCompleted, "recorded, collected", *collected)
	// Output: 0 recorded, collected 1
}

func ExampleAfterStep() {
	h, collected, mailed := newsletter()
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Kill(testutil.AfterStep("collect")).StepsCompleted, "recorded, collected", *collected, "mailed", *mailed)
	// Output: 1 recorded, collected 1 mailed 0
}

// counting counts to five, with progress and a checkpoint at each.
func counting() *testutil.Harness {
	d := steps.Define[Digest]()
	steps.Do(d, "count", func(ctx context.Context, run *steps.Run[Digest]) error {
		n := 0
		if _, err := run.LastCheckpoint(&n); err != nil {
			return err
		}
		for n++; n <= 5; n++ {
			run.Progress(n, 5, "at %d", n)
			if err := run.Checkpoint(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(Digest{})
	return h
}

// The engine stops during the third call of Progress: the checkpoint after it is the last
// one.
func ExampleAtProgress() {
	fmt.Println(string(counting().Stop(testutil.AtProgress("count", 3)).Checkpoints))
	// Output: {"step":"count","value":3}
}

func ExampleAtCheckpoint() {
	fmt.Println(string(counting().Kill(testutil.AtCheckpoint("count", 3)).Checkpoints))
	// Output: {"step":"count","value":3}
}

// A definition that uses the host's tables is tested on a database with them.
func ExampleOnDB() {
	t := testutil.Example()
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	if _, err := db.Exec("CREATE TABLE mails (week INT)"); err != nil {
		fmt.Println(err)
		return
	}
	d := steps.Define[Digest]()
	steps.InTx(d, "note", func(ctx context.Context, tx steps.Tx, run *steps.Run[Digest]) (steps.None, error) {
		_, err := tx.ExecContext(ctx, "INSERT INTO mails VALUES (?)", run.Input().Week)
		return steps.None{}, err
	})
	h := testutil.NewHarness(t, d, testutil.OnDB(db))
	h.Enqueue(Digest{Week: 43})
	h.Run()
	count, err := h.DB().NewSelect().Table("mails").Count(context.Background())
	fmt.Println(count, err)
	// Output: 1 <nil>
}

// A test may take longer than half a minute if it says so.
func ExampleWithin() {
	h, _, _ := newsletter(testutil.Within(5 * time.Minute))
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Run().Status)
	// Output: succeeded
}

// The host's limits hold for the test's jobs too.
func ExampleLimits() {
	h, _, _ := newsletter(testutil.Limits(engine.Limits{Output: 4}))
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Run().Status)
	// Output: failed
}

// The definition is registered with the host's options.
func ExampleRegistered() {
	h, _, _ := newsletter(testutil.Registered(engine.ContextFunc(func(context.Context, *model.Job) (context.Context, error) {
		return nil, errors.New("no such tenant")
	})))
	h.Enqueue(Digest{Week: 43})
	fmt.Println(h.Run().Error)
	// Output: make the job's context: no such tenant
}

// The jobs of a step need their own definition.
func ExampleBeside() {
	child := steps.Define[Digest](steps.Type("mail:one"))
	steps.Do(child, "mail", func(context.Context, *steps.Run[Digest]) error { return nil })
	d := steps.Define[Digest]()
	steps.ChildJobs(d, "mails", func(context.Context, *steps.Run[Digest]) ([]steps.Child, error) {
		return []steps.Child{{Input: engine.RawInput{Type: "mail:one", Input: []byte(`{}`)}}}, nil
	})
	h := testutil.NewHarness(testutil.Example(), d, testutil.Beside(child))
	h.Enqueue(Digest{})
	fmt.Println(h.Run().Status)
	// Output: succeeded
}

// Prepare runs before each run, and AtMost keeps a long test short.
func ExamplePrepare() {
	runs := 0
	testutil.CrashEverywhere(testutil.Example(), func() steps.Handler {
		runs++
		return Reminder(func(string) {})
	}, Digest{}, nil, testutil.Prepare(func(h *testutil.Harness) { h.Signal("approve", "ann") }), testutil.AtMost(3))
	fmt.Println(runs < 12)
	// Output: true
}

func ExampleAtMost() {
	runs := 0
	testutil.CrashEverywhere(testutil.Example(), func() steps.Handler {
		runs++
		return SendDigest(func(int) []string { return nil }, func(string, []string) error { return nil })
	}, Digest{}, nil, testutil.AtMost(1))
	fmt.Println(runs < 6)
	// Output: true
}

// A database for one test, with the tables in it.
func ExampleDSN() {
	t := testutil.Example()
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	fmt.Println(migrations.Check(context.Background(), db))
	// Output: <nil>
}

func ExampleEmptyDSN() {
	t := testutil.Example()
	db := testdb.Open(t, testdb.EmptyDSN(t, testdb.SQLite))
	fmt.Println(errors.Is(migrations.Check(context.Background(), db), migrations.ErrNotMigrated))
	// Output: true
}

func ExampleOpen() {
	t := testutil.Example()
	db := testdb.Open(t, dsn.File(t.TempDir()+"/jobs.db"))
	fmt.Println(db.Dialect().Name())
	// Output: sqlite
}
