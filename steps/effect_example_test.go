package steps_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// A further attempt would fail with the same error, so none is made.
func ExamplePermanent() {
	d := steps.Define[export]()
	steps.Do(d, "upload", func(context.Context, *steps.Run[export]) error {
		return steps.Permanent(errors.New("no such bucket"))
	}, steps.Retry(5, time.Hour))
	status := perform(d, export{})
	fmt.Println(status.Error, "- attempt", status.Steps[0].Attempts)
	// Output: step "upload": no such bucket - attempt 1
}

// The delays of one minute, two, four and so on grow up to a quarter of an hour.
func ExampleMaxDelay() {
	d := steps.Define[export]()
	steps.Do(d, "upload", func(context.Context, *steps.Run[export]) error { return errors.New("connection refused") },
		steps.Retry(20, time.Minute, steps.MaxDelay(15*time.Minute)))
	plan, err := d.Plan([]byte(`{}`))
	must(err)
	for _, failures := range []int{1, 10} {
		delay, more := plan.Steps[0].Retry.Delay(failures)
		fmt.Println(delay <= 15*time.Minute, more)
	}
	// Output:
	// true true
	// true true
}

// All steps of the job together may take this long.
func ExampleJobTimeout() {
	d := steps.Define[export](steps.JobTimeout(20 * time.Millisecond))
	for _, name := range []string{"first", "second"} {
		steps.Do(d, name, func(ctx context.Context, _ *steps.Run[export]) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(15 * time.Millisecond):
				return nil
			}
		})
	}
	status := perform(d, export{})
	fmt.Println(status.Status)
	// Output: failed
}

// A job whose process has died is resumed automatically, three times at most.
func ExampleResumeOnCrash() {
	d := steps.Define[export](steps.ResumeOnCrash(3))
	steps.Do(d, "import", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println("attempt", run.Attempt())
		return nil
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	fmt.Println(h.Kill(testutil.BeforeRecord("import")).Status)
	fmt.Println(h.Run().Status)
	// Output:
	// attempt 1
	// scheduled
	// attempt 2
	// succeeded
}

// The process died while it sent money. Only a person can find out whether it was sent.
func ExampleStopOnCrash() {
	d := steps.Define[export](steps.ResumeOnCrash(3))
	steps.Do(d, "pay", func(context.Context, *steps.Run[export]) error {
		fmt.Println("paid")
		return nil
	}, steps.StopOnCrash())
	steps.Do(d, "tell", func(context.Context, *steps.Run[export]) error { return nil })
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	status := h.Kill(testutil.BeforeRecord("pay"))
	fmt.Println(status.Status, status.InDoubt)
	h.Resume(engine.SkipStep("pay")) // the money was sent
	fmt.Println(h.Run().Status)
	// Output:
	// paid
	// failed [pay]
	// succeeded
}

// A step fails, so the steps before it are undone, the last one first.
func ExampleUndo() {
	d := steps.Define[export]()
	steps.Add(d, "reserve", func(context.Context, *steps.Run[export]) (string, error) { return "room 7", nil },
		steps.Undo(func(_ context.Context, run *steps.Run[export], room string) error {
			fmt.Println("release", room)
			return nil
		}))
	steps.Do(d, "pay", func(context.Context, *steps.Run[export]) error { return errors.New("declined") })
	status := perform(d, export{})
	fmt.Println(status.Status, status.Steps[0].Status)
	// Output:
	// release room 7
	// failed undone
}

// undoExample returns a harness with a job that reserves something, and then fails or is
// cancelled.
func undoExample(opts ...steps.DefineOption) *testutil.Harness {
	d := steps.Define[export](opts...)
	steps.Do(d, "reserve", func(context.Context, *steps.Run[export]) error { return nil },
		steps.Undo(func(context.Context, *steps.Run[export], steps.None) error { return nil }))
	steps.Do(d, "pay", func(ctx context.Context, _ *steps.Run[export]) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return errors.New("declined")
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	return h
}

// A failed job is undone; a cancelled one is not, so that it can be resumed.
func ExampleUndoOn() {
	fmt.Println(undoExample(steps.UndoOn(model.Failed)).Run().Steps[0].Status)
	fmt.Println(undoExample(steps.UndoOn(model.Failed)).Cancel(testutil.BeforeStep("pay"), "", "").Steps[0].Status)
	// Output:
	// undone
	// completed
}

// A cancelled job is undone; a failed one is not, so that it can be resumed.
func ExampleUndoOn_cancelled() {
	fmt.Println(undoExample(steps.UndoOn(model.Cancelled)).Run().Steps[0].Status)
	fmt.Println(undoExample(steps.UndoOn(model.Cancelled)).Cancel(testutil.BeforeStep("pay"), "", "").Steps[0].Status)
	// Output:
	// completed
	// undone
}

// The function's writes and the step's record commit together.
func ExampleInTx() {
	d := steps.Define[export]()
	steps.InTx(d, "book", func(ctx context.Context, tx steps.Tx, run *steps.Run[export]) (int, error) {
		var one int
		return one, tx.NewRaw("SELECT 1").Scan(ctx, &one) // or INSERT, with the values of run.Input()
	})
	fmt.Println(string(perform(d, export{}).Result))
	// Output: 1
}

// The members of a group run at the same time, each with a record of its own.
func ExampleParallel() {
	d := steps.Define[export]()
	both := steps.Parallel(d, "both")
	north := steps.Add(both, "north", func(context.Context, *steps.Run[export]) (int, error) { return 3, nil })
	south := steps.Add(both, "south", func(context.Context, *steps.Run[export]) (int, error) { return 4, nil })
	steps.Add(d, "sum", func(_ context.Context, run *steps.Run[export]) (int, error) {
		return north.Output(run) + south.Output(run), nil
	})
	fmt.Println(string(perform(d, export{}).Result))
	// Output: 7
}

// A group of six members, of which at most two run at the same time.
func ExampleMaxParallel() {
	d := steps.Define[export]()
	pages := steps.Parallel(d, "pages", steps.MaxParallel(2))
	running := make(chan struct{}, 2)
	for page := range 6 {
		steps.Do(pages, fmt.Sprint("page ", page+1), func(context.Context, *steps.Run[export]) error {
			select {
			case running <- struct{}{}:
			default:
				return errors.New("there are more than two")
			}
			<-running
			return nil
		})
	}
	fmt.Println(perform(d, export{}).Status)
	// Output: succeeded
}

// One member fails; the other one nevertheless completes, and a resume does not repeat it.
func ExampleLetFinish() {
	d := steps.Define[export]()
	both := steps.Parallel(d, "both", steps.LetFinish())
	steps.Do(both, "north", func(context.Context, *steps.Run[export]) error { return errors.New("no answer") })
	steps.Do(both, "south", func(context.Context, *steps.Run[export]) error { return nil })
	status := perform(d, export{})
	fmt.Println(status.Status, status.Steps[0].Status, status.Steps[1].Status)
	// Output: failed failed completed
}

// Some of the jobs may fail; the results say which.
func ExampleAllowFailures() {
	child := steps.Define[reminder]()
	steps.Do(child, "send", func(_ context.Context, run *steps.Run[reminder]) error {
		if run.Input().To == "" {
			return errors.New("no address")
		}
		return nil
	})
	d := steps.Define[export]()
	sent := steps.ChildJobs(d, "remind", func(context.Context, *steps.Run[export]) ([]steps.Child, error) {
		return []steps.Child{{Input: reminder{To: "ann"}}, {Input: reminder{}}}, nil
	}, steps.AllowFailures())
	steps.Do(d, "report", func(_ context.Context, run *steps.Run[export]) error {
		for _, result := range sent.Output(run) {
			if result.Error != "" {
				fmt.Println(result.Status, result.Error)
			}
		}
		return nil
	})
	h := testutil.NewHarness(testutil.Example(), d, testutil.Beside(child))
	h.Enqueue(export{})
	fmt.Println(h.Run().Status)
	// Output:
	// failed step "send": no address
	// succeeded
}

// eachExample runs a job over four letters, kills it at its first checkpoint, and returns
// the status of the job after that.
func eachExample(opts ...steps.EachOption) *model.JobView {
	letters := func(skip int) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, letter := range []string{"a", "b", "c", "d"}[skip:] {
				if !yield(letter, nil) {
					return
				}
			}
		}
	}
	d := steps.Define[export]()
	steps.Do(d, "letters", func(ctx context.Context, run *steps.Run[export]) error {
		_, err := steps.Each(ctx, run, letters, func(context.Context, string) error { return nil }, opts...)
		return err
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	return h.Kill(testutil.AtCheckpoint("letters", 1))
}

// A checkpoint after every second item.
func ExampleCheckpointEvery() {
	fmt.Println(string(eachExample(steps.CheckpointEvery(2), steps.CheckpointInterval(0)).Checkpoints))
	// Output: {"step":"letters","value":{"done":2}}
}

// Checkpoints are made by the clock: here after each item, since it takes longer than the
// interval.
func ExampleCheckpointInterval() {
	fmt.Println(string(eachExample(steps.CheckpointInterval(time.Nanosecond)).Checkpoints))
	// Output: {"step":"letters","value":{"done":1}}
}

// With a total, the job's progress includes the items.
func ExampleTotal() {
	fmt.Println(eachExample(steps.CheckpointEvery(2), steps.CheckpointInterval(0), steps.Total(4)).Percent, "%")
	// Output: 50 %
}

// The progress message names the items.
func ExampleItemNoun() {
	_, what, _ := strings.Cut(eachExample(steps.CheckpointEvery(2), steps.CheckpointInterval(0), steps.Total(4), steps.ItemNoun("letters")).Message, " of ")
	fmt.Println(what)
	// Output: 4 letters
}
