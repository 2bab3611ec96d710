package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Run runs the command that args name, the program's name first as in os.Args,
// and returns the exit code: see the package for the codes, for what is written
// where and for what signals do. It blocks until the command has ended; the end
// of ctx counts as a first signal. It calls neither os.Exit nor panics on bad
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
	inv := newInvocation(args, opts)
	ctx, second, stop := untilSignal(ctx, signals)
	defer stop()
	done := make(chan int, 1)
	go func() { done <- inv.finish(ctx, inv.execute(ctx, args)) }()
	select {
	case code := <-done:
		return code
	case <-second:
		fmt.Fprintf(inv.stderr, "%s: a second signal: ending at once; a job that was running here is settled when its lease has run out\n", inv.name)
		return ExitInterrupted
	}
}

// invocation is one call of Run: the host's options, the streams, and what the
// global flags say.
type invocation struct {
	opts   Options
	name   string
	stdin  io.Reader
	stderr io.Writer
	secret secrets
	now    func() time.Time
	getenv func(string) string

	// Set once the global flags have been read.
	dsn      string
	dsnGiven bool // by --dsn
	out      *printer
}

func newInvocation(args []string, opts Options) *invocation {
	inv := &invocation{opts: opts, name: opts.Name, stdin: opts.Stdin, stderr: opts.Stderr, now: time.Now, getenv: os.Getenv}
	if inv.name == "" && len(args) > 0 {
		inv.name = filepath.Base(args[0])
	}
	inv.name = cmp.Or(inv.name, "jobctl")
	if inv.stdin == nil {
		inv.stdin = os.Stdin
	}
	if inv.stderr == nil {
		inv.stderr = os.Stderr
	}
	inv.stderr = &lockedWriter{w: inv.stderr} // the engine logs while a command speaks
	stdout := opts.Stdout
	if stdout == nil {
		stdout = os.Stdout
	}
	inv.out = newPrinter(stdout, inv.now)
	inv.secret = newSecrets(append(args, inv.getenv(dsnVariable), opts.DSN))
	return inv
}

// note tells people something that is not the result.
func (inv *invocation) note(format string, args ...any) {
	fmt.Fprintln(inv.stderr, inv.secret.hide(fmt.Sprintf(format, args...)))
}

// lockedWriter lets one goroutine write at a time.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
