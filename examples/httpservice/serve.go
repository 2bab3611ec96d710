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

// stopTimeout limits how long serve waits for running requests when it stops.
const stopTimeout = 10 * time.Second

// serve runs the API and the engine until ctx ends or one of them fails, and
// returns after both have stopped. It stops the API first, so that no request
// reaches an engine that is stopping, and then the engine, which lets running
// steps reach a boundary.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, eng *engine.Engine, log *slog.Logger) error {
	server := newServer(handler, log)
	// The end of ctx must not stop the engine before the API.
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	engineStopped, serverStopped := make(chan error, 1), make(chan error, 1)
	go func() { engineStopped <- eng.Run(engineCtx) }()
	go func() { serverStopped <- server.Serve(listener) }()
	log.Info("serving", "address", "http://"+listener.Addr().String())

	var engineErr, serverErr error
	select {
	case <-ctx.Done():
	case engineErr = <-engineStopped:
		engineStopped <- nil // for the receive below
	case serverErr = <-serverStopped:
	}
	log.Info("stopping the API")
	stopErr := stopServer(server)
	log.Info("stopping the engine")
	stopEngine()
	return errors.Join(serverErr, stopErr, engineErr, <-engineStopped)
}

// newServer returns a server that limits the size and the duration of a request.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      requestTimeout + 15*time.Second, // both start with the request
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// stopServer waits for the running requests, and closes their connections after
// stopTimeout.
func stopServer(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop the API: %w", err), server.Close())
	}
	return nil
}
