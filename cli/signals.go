package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signalled is the cause with which a command's context ends at a signal.
type signalled struct{ signal os.Signal }

func (s signalled) Error() string { return fmt.Sprintf("got the signal %q", s.signal) }

// subscribe delivers SIGINT and SIGTERM to a channel instead of ending the
// process. It is the only place that does.
func subscribe() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// untilSignal returns a context that ends at the first signal and a channel
// that is closed at the second. stop waits until nothing of it runs.
func untilSignal(parent context.Context, signals <-chan os.Signal) (ctx context.Context, second <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	closed := make(chan struct{})
	quit := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		select {
		case s := <-signals:
			cancel(signalled{s})
		case <-quit:
			return
		}
		select {
		case <-signals:
			close(closed)
		case <-quit:
		}
	})
	return ctx, closed, func() {
		close(quit)
		group.Wait()
		cancel(nil)
	}
}
