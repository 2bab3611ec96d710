package cli

import (
	"context"
	"os"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/command"
	"github.com/ntxdev/jobsystem/cli/internal/command/demo"
)

// Run runs the command that args name, the program's name first as in os.Args,
// and returns the exit code: see the package for the codes, for what is written
// where and for what signals do. It blocks until the command has ended; the end
// of ctx counts as a first signal. It neither calls os.Exit nor panics on bad
// input.
//
// A host with a command line of its own gives it the arguments from one of its
// own commands on: Run(ctx, os.Args[1:], opts) makes "host jobs list" work with
// "jobs" as the program's name.
func Run(ctx context.Context, args []string, opts Options) int {
	signals, stop := subscribe()
	defer stop()
	return run(ctx, args, opts, signals)
}

// run is Run with the signals of a channel.
func run(ctx context.Context, args []string, opts Options, signals <-chan os.Signal) int {
	call := app.NewCall(args, opts.host())
	ctx, second, stop := untilSignal(ctx, signals)
	defer stop()
	done := make(chan int, 1)
	go func() { done <- call.Finish(ctx, command.Run(ctx, call, args, (*demo.Job)(opts.Demo))) }()
	select {
	case code := <-done:
		return code
	case <-second:
		call.Note("%s: a second signal: ending at once; a job that was running here is settled when its lease has run out", call.Name)
		return ExitInterrupted
	}
}
