package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/ntxdev/jobsystem/engine"
)

// stopTimeout is how long requests under way may take when the service stops.
const stopTimeout = 10 * time.Second

// serve runs the API and the engine until ctx ends or one of them fails, and
// returns after both have ended. They end one after the other: the API first,
// so that nobody is told of jobs by a process that is on its way out, and then
// the engine, which lets the steps under way reach a boundary.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, eng *engine.Engine, log *slog.Logger) error {
	server := newServer(handler, log)
	// The engine ends when it is told to, not when ctx does.
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	engineEnded, serverEnded := make(chan error, 1), make(chan error, 1)
	go func() { engineEnded <- eng.Run(engineCtx) }()
	go func() { serverEnded <- server.Serve(listener) }()
	log.Info("serving", "address", "http://"+listener.Addr().String())

	var engineErr, serverErr error
	select {
	case <-ctx.Done():
	case engineErr = <-engineEnded:
		engineEnded <- nil
	case serverErr = <-serverEnded:
	}
	log.Info("stopping the API")
	stopErr := stopServer(server)
	log.Info("stopping the engine")
	stopEngine()
	return errors.Join(serverErr, stopErr, engineErr, <-engineEnded)
}

// newServer bounds what a client may send, and how long it may take.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      answerTimeout + 15*time.Second, // both begin with the request
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// stopServer lets the requests under way be answered, and ends them if that
// takes too long.
func stopServer(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop the API: %w", err), server.Close())
	}
	return nil
}
