package testdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

func (s *Server) start() error {
	cmd, err := s.program.serve(s)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Args = append(cmd.Args, s.settings()...)
	s.keeper.watch(cmd, s.program.discardSignal())
	cmd.Dir = s.dir
	cmd.Env = append(serverEnvironment(s.dir), s.options.environment...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = detached(s.account)
	if err := cmd.Start(); err != nil {
		return err
	}
	r := &running{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its log says how it ended
		s.keeper.forget(cmd.Process.Pid)
		close(r.done)
	}()
	if err := s.waitReady(r); err != nil {
		_ = cmd.Process.Kill()
		<-r.done
		return fmt.Errorf("%w; its log ends:\n%s", err, s.logTail())
	}
	s.running = r
	return nil
}

func (s *Server) waitReady(r *running) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-r.done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer after %v: %w", patience, err)
		case <-again.C:
		}
	}
}

// ask runs a real query, by which it distinguishes this server from another one that got
// the port.
func (s *Server) ask(ctx context.Context) error {
	db, err := dsn.Open(ctx, s.text)
	if err != nil {
		return err
	}
	defer db.Close()
	var data string
	if err := db.QueryRowContext(ctx, s.program.identity()).Scan(&data); err != nil {
		return err
	}
	if filepath.Clean(data) != s.data() {
		return fmt.Errorf("another server (data in %s) answers at port %d", data, s.port)
	}
	return nil
}

func (s *Server) logTail() string {
	text, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	if len(text) > 3000 {
		text = text[len(text)-3000:]
	}
	return string(text)
}

// Stop ends the server properly, without waiting for its clients, whose connections break.
// It returns when the process has ended. If the server does not run, Stop does nothing.
func (s *Server) Stop() error {
	s.state.Lock()
	defer s.state.Unlock()
	return s.stop(s.program.stopSignal())
}

func (s *Server) stop(how string) error {
	s.host.close() // its connections break
	r := s.running
	if r == nil {
		return nil
	}
	if err := terminate(r.cmd, how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", s.kind, err)
	}
	select {
	case <-r.done:
		s.running = nil
		return nil
	case <-time.After(patience):
		return fmt.Errorf("stop %s: it still runs after %v; its log ends:\n%s", s.kind, patience, s.logTail())
	}
}

// Runs reports whether the server's process runs: it may have ended by itself, for example
// when its disk is full.
func (s *Server) Runs() bool {
	s.state.Lock()
	defer s.state.Unlock()
	if s.running == nil {
		return false
	}
	select {
	case <-s.running.done:
		return false
	default:
		return true
	}
}

// Kill ends the server and all its processes like kill -9, in the middle of what they do;
// the next start recovers. It returns when they have ended. If the server does not run,
// Kill does nothing.
func (s *Server) Kill() error {
	s.state.Lock()
	defer s.state.Unlock()
	s.host.close() // its connections break
	r := s.running
	if r == nil {
		return nil
	}
	if err := killTree(r.cmd.Process); err != nil {
		return fmt.Errorf("kill %s: %w", s.kind, err)
	}
	<-r.done
	s.running = nil
	return nil
}

// Restart starts the server again on the same port with the same data, and stops it first
// if it runs. It returns when the server answers.
func (s *Server) Restart() error {
	s.state.Lock()
	defer s.state.Unlock()
	if err := s.stop(s.program.stopSignal()); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return fmt.Errorf("restart %s: %w", s.kind, err)
	}
	return nil
}

// discard ends the server for good and removes its folder, unless a killed PostgreSQL has
// left something that only the keeper removes.
func (s *Server) discard() error {
	s.state.Lock()
	defer s.state.Unlock()
	if err := s.stop(s.program.discardSignal()); err != nil {
		return err
	}
	if isFile(filepath.Join(s.data(), "postmaster.pid")) {
		return nil
	}
	return os.RemoveAll(s.dir)
}
