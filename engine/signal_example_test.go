package engine_test

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/steps"
)

// A signal may come before the step that waits for it, and the first one of a name counts.
func ExampleClient_Signal() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	publish := steps.Define[report]()
	approved := steps.AwaitSignal[report, string](publish, "approve")
	steps.Add(publish, "publish", func(_ context.Context, run *steps.Run[report]) (string, error) {
		return run.Input().Month + ": " + approved.Output(run), nil
	})
	eng, err := engine.New(db, exampleConfig)
	if err == nil {
		err = eng.Register(publish)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"ann", "bob"} {
		signal, err := eng.Signal(ctx, job.ID, "approve", "fine with "+name, name)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("sent by", signal.SentBy, signal.Existing)
	}
	done := make(chan error, 1)
	go func() { done <- eng.Run(ctx) }()
	status, err := eng.Wait(ctx, job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Status, string(status.Result))
	stop()
	<-done
	// Output:
	// sent by ann false
	// sent by ann true
	// succeeded "2026-10: fine with ann"
}
