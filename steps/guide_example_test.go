package steps_test

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

type order struct {
	Items int  `json:"items"`
	Gift  bool `json:"gift"`
}

func (order) JobType() string { return "shop:guide" }

type parcel struct{ N int }

func (parcel) JobType() string { return "shop:parcel" }

type approval struct{ By string }

// The lines of the package's guide, put together into one job.
func Example_guide() {
	d := steps.Define[order](steps.Removed("warm cache"), steps.ResumeOnCrash(3))
	price := steps.Add(d, "price", func(_ context.Context, run *steps.Run[order]) (int, error) {
		return 3 * run.Input().Items, nil
	}, steps.Weight(2), steps.WasNamed("cost"))
	steps.Do(d, "print", func(ctx context.Context, run *steps.Run[order]) error {
		fmt.Println("price", price.Output(run))
		run.Progress(1, 2, "page %d of %d", 1, 2)
		return run.Checkpoint(ctx, 1)
	})
	rows := func(skip int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := skip; i < 3 && yield(i, nil); i++ {
			}
		}
	}
	insert := func(context.Context, int) error { return nil }
	steps.Add(d, "import", func(ctx context.Context, run *steps.Run[order]) (int, error) {
		return steps.Each(ctx, run, rows, insert, steps.Total(3), steps.ItemNoun("rows"))
	})
	steps.Do(d, "charge", guideStep, steps.Timeout(time.Minute), steps.Retry(5, time.Second))
	isGift := func(run *steps.Run[order]) bool { return run.Input().Gift }
	steps.Do(d, "gift", guideStep, steps.When(isGift, "it is no gift"))
	steps.Sleep(d, "cool down", time.Hour)
	approve := steps.AwaitSignal[order, approval](d, "approve", steps.Timeout(24*time.Hour))
	both := steps.Parallel(d, "both", steps.MaxParallel(1))
	steps.Do(both, "mail", guideStep)
	steps.Do(both, "text", guideStep)
	steps.ChildJobs(d, "parcels", func(context.Context, *steps.Run[order]) ([]steps.Child, error) {
		return []steps.Child{{Input: parcel{N: 1}}, {Input: parcel{N: 2}}}, nil
	})
	steps.InTx(d, "book", func(ctx context.Context, tx steps.Tx, _ *steps.Run[order]) (int, error) {
		return 1, tx.NewRaw("SELECT 1").Scan(ctx, new(int))
	})
	release := func(context.Context, *steps.Run[order], string) error { return nil }
	steps.Add(d, "reserve", func(_ context.Context, run *steps.Run[order]) (string, error) {
		return "approved by " + approve.Output(run).By, nil
	}, steps.Undo(release), steps.StopOnCrash())

	parcels := steps.Define[parcel]()
	steps.Do(parcels, "pack", func(context.Context, *steps.Run[parcel]) error { return nil })
	h := testutil.NewHarness(testutil.Example(), d, testutil.Beside(parcels))
	h.Enqueue(order{Items: 2})
	h.Kill(testutil.AfterStep("price")) // the job is resumed automatically
	fmt.Println("waits for", h.RunToWait().WaitsFor)
	h.SkipWait()
	h.Signal("approve", approval{By: "ann"})
	status := h.Run()
	fmt.Println(status.Status, string(status.Result))
	// Output:
	// price 6
	// charge
	// waits for step "cool down" to end
	// mail
	// text
	// succeeded "approved by ann"
}

func guideStep(_ context.Context, run *steps.Run[order]) error {
	fmt.Println(run.StepName())
	return nil
}
