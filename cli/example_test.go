package cli_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ntxdev/jobsystem/cli"
	"github.com/ntxdev/jobsystem/steps"
)

type Greeting struct {
	Name string `json:"name"`
}

func (Greeting) JobType() string { return "greetings:send" }

// greeting is a host's own definition.
func greeting() *steps.Definition[Greeting] {
	d := steps.Define[Greeting]()
	steps.Do(d, "send", func(_ context.Context, run *steps.Run[Greeting]) error {
		fmt.Printf("hello, %s\n", run.Input().Name)
		return nil
	})
	return d
}

// A host's binary is the command tree with the host's definitions; its main is
// os.Exit(cli.Run(context.Background(), os.Args, options)).
func ExampleRun() {
	folder, err := os.MkdirTemp("", "greetctl")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	options := cli.Options{
		Name:     "greetctl",
		DSN:      filepath.Join(folder, "jobs.db"), // unless --dsn or JOBSYSTEM_DSN says otherwise
		Register: func(r *cli.Registry) error { return r.Register(greeting()) },
		Stdout:   io.Discard, // ids and times, here of no use
		Stderr:   io.Discard,
	}

	// What people do in two shells: "greetctl worker" and "greetctl enqueue".
	ctx, stop := context.WithCancel(context.Background())
	worker := make(chan int)
	go func() { worker <- cli.Run(ctx, []string{"greetctl", "worker"}, options) }()
	code := cli.Run(ctx, []string{"greetctl", "enqueue", "greetings:send", "--data", `{"name":"world"}`, "--wait"}, options)
	stop()
	fmt.Println("exit codes", code, "and", <-worker)

	// Output:
	// hello, world
	// exit codes 0 and 0
}
