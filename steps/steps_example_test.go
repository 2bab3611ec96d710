package steps_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// A step's output is in the database before the next step begins, which reads it.
func ExampleAdd() {
	d := steps.Define[export]()
	rows := steps.Add(d, "read", func(context.Context, *steps.Run[export]) (int, error) { return 42, nil })
	steps.Add(d, "render", func(_ context.Context, run *steps.Run[export]) (string, error) {
		return fmt.Sprint("a table of ", rows.Output(run), " rows"), nil
	})
	fmt.Println(string(perform(d, export{}).Result))
	// Output: "a table of 42 rows"
}

// A step without an output.
func ExampleDo() {
	d := steps.Define[export]()
	steps.Do(d, "greet", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println("hello,", run.Input().Region)
		return nil
	})
	fmt.Println(perform(d, export{Region: "EU"}).Status)
	// Output:
	// hello, EU
	// succeeded
}

// Later steps can read an output. The output of a skipped step is the zero value.
func ExampleStep_Output() {
	d := steps.Define[export]()
	discount := steps.Add(d, "discount", func(context.Context, *steps.Run[export]) (int, error) { return 10, nil },
		steps.When(func(run *steps.Run[export]) bool { return run.Input().Region == "EU" }, "there is none"))
	steps.Do(d, "price", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println(100 - discount.Output(run))
		return nil
	})
	perform(d, export{Region: "EU"})
	perform(d, export{Region: "US"})
	// Output:
	// 90
	// 100
}

// The same steps serve jobs of two types.
func ExampleType() {
	daily, monthly := steps.Define[export](steps.Type("orders:daily")), steps.Define[export](steps.Type("orders:monthly"))
	for _, d := range []*steps.Definition[export]{daily, monthly} {
		steps.Do(d, "write", func(context.Context, *steps.Run[export]) error { return nil })
	}
	fmt.Println(daily.JobType(), monthly.JobType())
	// Output: orders:daily orders:monthly
}

// regional is the export of one region: the steps are the same, the type is its own.
type regional struct {
	steps.Handler
	region string
}

func (r regional) JobType() string { return r.Handler.JobType() + ":" + r.region }

// A type that embeds a definition is a Handler too, and its own methods count.
func ExampleHandler() {
	d := steps.Define[export](steps.Type("orders:export"))
	steps.Do(d, "write", func(context.Context, *steps.Run[export]) error { return nil })
	for _, region := range []string{"north", "south"} {
		var h steps.Handler = regional{d, region} // for engine.Register
		fmt.Println(h.JobType(), h.Validate())
	}
	// Output:
	// orders:export:north <nil>
	// orders:export:south <nil>
}

// A weight sets a step's share of the job's progress.
func ExampleWeight() {
	d := steps.Define[export]()
	steps.Do(d, "read", func(context.Context, *steps.Run[export]) error { return nil }, steps.Weight(3))
	steps.Do(d, "send", func(context.Context, *steps.Run[export]) error { return errors.New("no network") })
	fmt.Println(perform(d, export{}).Percent, "%")
	// Output: 75 %
}

// All mistakes of a definition are returned together, before anything runs.
func ExampleDefinition_Validate() {
	d := steps.Define[export]()
	steps.Do(d, "read", func(context.Context, *steps.Run[export]) error { return nil }, steps.Weight(-1))
	steps.Do(d, "read", func(context.Context, *steps.Run[export]) error { return nil })
	for line := range strings.Lines(d.Validate().Error()) {
		fmt.Println(strings.TrimSpace(line))
	}
	// Output:
	// step "read": weight -1 is not a positive number
	// step 2: name "read" is taken by step 1
}

// The plan of a job is made from its input, before its first step.
func ExampleDefinition_Plan() {
	d := steps.Define[export]()
	steps.Do(d, "read", func(context.Context, *steps.Run[export]) error { return nil }, steps.Weight(3))
	steps.Do(d, "send", func(context.Context, *steps.Run[export]) error { return nil })
	plan, err := d.Plan([]byte(`{"region":"EU"}`))
	must(err)
	for _, step := range plan.Steps {
		fmt.Println(step.Name, step.Weight)
	}
	// Output:
	// read 3
	// send 1
}

// The key is the same at each attempt, so the mail server recognizes the repetition.
func ExampleRun_IdempotencyKey() {
	sent := map[string]bool{} // by the mail server
	d := steps.Define[export]()
	steps.Do(d, "mail", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println("known:", sent[run.IdempotencyKey()])
		sent[run.IdempotencyKey()] = true
		return nil
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	h.Kill(testutil.BeforeRecord("mail")) // after the effect, before the record
	h.Resume()
	fmt.Println(h.Run().Status, "with", len(sent), "mail")
	// Output:
	// known: false
	// known: true
	// succeeded with 1 mail
}

// Progress is for people: it is kept in memory and written about once a second.
func ExampleRun_Progress() {
	d := steps.Define[export]()
	steps.Do(d, "read", func(_ context.Context, run *steps.Run[export]) error {
		for page := range 4 {
			run.Progress(page+1, 4, "page %d of 4", page+1)
			if page == 2 {
				return errors.New("page 3 is missing")
			}
		}
		return nil
	})
	status := perform(d, export{})
	fmt.Println(status.Percent, "%")
	// Output: 75 %
}

// A handler that is one function is a definition with one step. It reports its phases with
// a tracker of its own, and how long it will still take.
func ExampleRun_Report() {
	d := steps.Define[export]()
	steps.Do(d, "export", func(_ context.Context, run *steps.Run[export]) error {
		tracker, err := progress.New(
			[]progress.Phase{{Name: "read", Weight: 3}, {Name: "write", Weight: 1}},
			progress.OnUpdate(run.Report),
		)
		if err != nil {
			return err
		}
		tracker.Set("read", 0.5, "the first file")
		tracker.Done("read")
		tracker.Set("write", 0, "as CSV")
		run.Report(progress.Update{Fraction: 0.75, Message: "as CSV, slowly", Remaining: time.Minute})
		return errors.New("no room")
	})
	s := perform(d, export{})
	fmt.Println(s.Percent, "%", s.Message, "-", s.Error)
	// Output: 75 % as CSV, slowly - step "export": no room
}

// A step that runs again continues after its last checkpoint.
func ExampleRun_LastCheckpoint() {
	d := steps.Define[export]()
	steps.Do(d, "import", func(ctx context.Context, run *steps.Run[export]) error {
		page := 0
		if _, err := run.LastCheckpoint(&page); err != nil {
			return err
		}
		for ; page < 3; page++ {
			fmt.Println("page", page)
			if err := run.Checkpoint(ctx, page+1); err != nil {
				return err
			}
		}
		return nil
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	h.Kill(testutil.AtCheckpoint("import", 2))
	fmt.Println("killed")
	h.Resume()
	h.Run()
	// Output:
	// page 0
	// page 1
	// killed
	// page 2
}

// A step that cannot use its context calls Cancelled instead.
func ExampleRun_Cancelled() {
	d := steps.Define[export]()
	steps.Do(d, "count", func(ctx context.Context, run *steps.Run[export]) error {
		for n := 0; !run.Cancelled(); n++ {
			run.Progress(n, 0, "at %d", n)
		}
		fmt.Println("stopped")
		return context.Cause(ctx)
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	fmt.Println(h.Cancel(testutil.AtProgress("count", 3), "ann", "enough").Status)
	// Output:
	// stopped
	// cancelled
}

// A job's result need not be the output of its last step.
func ExampleRun_SetResult() {
	d := steps.Define[export]()
	steps.Do(d, "count", func(_ context.Context, run *steps.Run[export]) error {
		return run.SetResult(map[string]int{"rows": 42})
	})
	steps.Do(d, "clean up", func(context.Context, *steps.Run[export]) error { return nil })
	fmt.Println(string(perform(d, export{}).Result))
	// Output: {"rows":42}
}

// Another attempt follows a failed one.
func ExampleRun_Attempt() {
	d := steps.Define[export]()
	steps.Do(d, "send", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println("attempt", run.Attempt())
		if run.Attempt() == 1 {
			return errors.New("no network")
		}
		return nil
	}, steps.Retry(3, time.Millisecond))
	perform(d, export{})
	// Output:
	// attempt 1
	// attempt 2
}
