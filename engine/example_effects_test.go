package engine_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// runExample runs one job of a definition to its end, on a database in memory. prepare may
// add tables to it.
func runExample(d *steps.Definition[report], prepare string, after func(*bun.DB)) *model.JobView {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	if prepare != "" {
		if _, err := db.ExecContext(ctx, prepare); err != nil {
			fmt.Println(err)
			return nil
		}
	}
	eng, err := engine.New(db, exampleConfig)
	if err == nil {
		err = eng.Register(d)
	}
	if err != nil {
		fmt.Println(err)
		return nil
	}
	done := make(chan error)
	go func() { done <- eng.Run(ctx) }()
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	if err != nil {
		fmt.Println(err)
		return nil
	}
	status, err := eng.Wait(ctx, job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return nil
	}
	if after != nil {
		after(db)
	}
	stop()
	if err := <-done; err != nil {
		fmt.Println(err)
	}
	return status
}

// What the step writes and its record are committed together: once, or not at all.
func Example_inTx() {
	d := steps.Define[report]()
	steps.InTx(d, "book", func(ctx context.Context, tx steps.Tx, run *steps.Run[report]) (string, error) {
		_, err := tx.NewRaw("INSERT INTO bookings (month) VALUES (?)", run.Input().Month).Exec(ctx)
		if err == nil && run.Attempt() == 1 {
			err = errors.New("a hiccup after the write")
		}
		return "booked", err
	}, steps.Retry(2, time.Millisecond))
	status := runExample(d, "CREATE TABLE bookings (month TEXT)", func(db *bun.DB) {
		n := 0
		if err := db.NewRaw("SELECT COUNT(*) FROM bookings").Scan(context.Background(), &n); err != nil {
			fmt.Println(err)
		}
		fmt.Println("bookings:", n)
	})
	fmt.Println(status.Status, "after", status.Steps[0].Attempts, "attempts")
	// Output:
	// bookings: 1
	// succeeded after 2 attempts
}

// Regions are read at the same time, two at once, and then added up.
func Example_parallel() {
	d := steps.Define[report]()
	regions := steps.Parallel(d, "regions", steps.MaxParallel(2))
	var counts []*steps.Step[report, int]
	for i, region := range []string{"north", "south", "west"} {
		counts = append(counts, steps.Add(regions, region, func(context.Context, *steps.Run[report]) (int, error) {
			return 10 * (i + 1), nil
		}))
	}
	steps.Add(d, "sum", func(_ context.Context, run *steps.Run[report]) (int, error) {
		sum := 0
		for _, count := range counts {
			sum += count.Output(run)
		}
		return sum, nil
	})
	status := runExample(d, "", nil)
	fmt.Println(status.Status, string(status.Result))
	// Output: succeeded 60
}

// With LetFinish, a member that fails leaves the others running; only the failed member
// runs again when the job is resumed.
func Example_letFinish() {
	d := steps.Define[report]()
	regions := steps.Parallel(d, "regions", steps.LetFinish())
	steps.Do(regions, "north", func(context.Context, *steps.Run[report]) error { return errors.New("no answer") })
	steps.Do(regions, "south", func(context.Context, *steps.Run[report]) error { return nil })
	status := runExample(d, "", nil)
	fmt.Println(status.Error)
	fmt.Println(status.Steps[0].Status, status.Steps[1].Status)
	// Output:
	// step "north": no answer
	// failed completed
}

// When a later step fails for good, the effects of the earlier ones are undone, the last
// first. UndoOn(model.Cancelled) would undo those of cancelled jobs too.
func Example_undo() {
	d := steps.Define[report](steps.UndoOn(model.Failed))
	steps.Add(d, "reserve", func(context.Context, *steps.Run[report]) (string, error) { return "room 7", nil },
		steps.Undo(func(_ context.Context, run *steps.Run[report], room string) error {
			fmt.Println("release", room)
			return nil
		}))
	steps.Do(d, "lock", func(context.Context, *steps.Run[report]) error { return nil },
		steps.Undo(func(context.Context, *steps.Run[report], steps.None) error {
			fmt.Println("unlock")
			return nil
		}))
	steps.Do(d, "pay", func(context.Context, *steps.Run[report]) error { return errors.New("the card was declined") })
	status := runExample(d, "", nil)
	fmt.Println(status.Status, status.Error)
	for _, step := range status.Steps {
		fmt.Println(step.Name, step.Status)
	}
	// Output:
	// unlock
	// release room 7
	// failed step "pay": the card was declined
	// reserve undone
	// lock undone
	// pay failed
}
