package cli_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ntxdev/jobsystem/cli"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// runGreetings greets the world with a host's binary that registers like this.
func runGreetings(register func(*cli.Registry) error) {
	folder, err := os.MkdirTemp("", "greetctl")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	options := cli.Options{
		Name: "greetctl", DSN: filepath.Join(folder, "jobs.db"), Register: register, Stdout: io.Discard, Stderr: io.Discard,
	}
	ctx, stop := context.WithCancel(context.Background())
	worker := make(chan int)
	go func() { worker <- cli.Run(ctx, []string{"greetctl", "worker"}, options) }()
	code := cli.Run(ctx, []string{"greetctl", "enqueue", "greetings:send", "--data", `{"name":"world"}`, "--wait"}, options)
	stop()
	<-worker
	fmt.Println("exit code", code)
}

// Options of the engine's Register are taken too.
func ExampleRegistry_Register() {
	type key struct{}
	runGreetings(func(r *cli.Registry) error {
		d := steps.Define[Greeting]()
		steps.Do(d, "send", func(ctx context.Context, _ *steps.Run[Greeting]) error {
			fmt.Println(ctx.Value(key{}))
			return nil
		})
		return r.Register(d, engine.ContextFunc(func(ctx context.Context, job *model.Job) (context.Context, error) {
			return context.WithValue(ctx, key{}, "for "+job.Type), nil
		}))
	})
	// Output:
	// for greetings:send
	// exit code 0
}

// Definitions with tables of their own get the database of the jobs.
func ExampleRegistry_DB() {
	runGreetings(func(r *cli.Registry) error {
		db := r.DB()
		d := steps.Define[Greeting]()
		steps.Do(d, "send", func(ctx context.Context, _ *steps.Run[Greeting]) error {
			count, err := db.NewSelect().Model((*model.Job)(nil)).Count(ctx)
			fmt.Println(count, "job")
			return err
		})
		return r.Register(d)
	})
	// Output:
	// 1 job
	// exit code 0
}

// Steps that enqueue, or end their own job, get the engine.
func ExampleRegistry_Engine() {
	runGreetings(func(r *cli.Registry) error {
		eng := r.Engine()
		d := steps.Define[Greeting]()
		steps.Do(d, "send", func(ctx context.Context, run *steps.Run[Greeting]) error {
			return eng.Fail(ctx, run.Job().ID, "nobody is there", nil)
		})
		return r.Register(d)
	})
	// Output: exit code 1
}
