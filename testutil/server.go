package testutil

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// Server is a private database server, for tests that stop it or kill it.
// Tests that only need a database use EachDB, which is faster.
//
// Its port, password and data stay the same from start to start, so an address
// taken before a stop is good after it. Safe for concurrent use.
type Server struct {
	host
	kind     Kind
	program  program
	account  account
	keeper   *keeper
	dir      string // holds the log, the socket, and the data unless they are elsewhere
	port     int
	password string
	options  serverOptions

	state   sync.Mutex // of starting and stopping
	running *running
}

// program is what differs between the servers.
type program interface {
	// account names the system user it runs as where root starts it.
	account() string
	// binary is the server's program file.
	binary() string
	// initialize is the command that makes a new data folder.
	initialize(s *Server) (*exec.Cmd, error)
	// serve is the command that runs the server, in the foreground.
	serve(s *Server) (*exec.Cmd, error)
	// address is that of a database that is always there.
	address(s *Server) string
	// setting is the argument that has the server work with a setting.
	setting(name, value string) string
	// identity is a query for the data folder, to tell this server from
	// another at the same port.
	identity() string
	// stopSignal ends it in good order without waiting for clients;
	// discardSignal ends it fast, when its data is no longer needed.
	stopSignal() string
	discardSignal() string
	socket(s *Server) string
}

// StartServer starts a server of its own for one test, empty, and takes it
// down when the test ends. The test is skipped where the program is missing.
// Only Postgres and MariaDB can be started so.
func StartServer(t testing.TB, kind Kind, opts ...ServerOption) *Server {
	t.Helper()
	s, err := startServer(kind, opts...)
	if err != nil {
		orSkip(t, fmt.Errorf("this test stops or kills a server of its own: %w", err))
	}
	t.Cleanup(func() {
		if err := s.discard(); err != nil {
			t.Errorf("take down the test's own %s: %v", kind, err)
		}
	})
	return s
}

func findProgram(kind Kind) (program, error) {
	switch kind {
	case Postgres:
		return findPostgres()
	case MariaDB:
		return findMariaDB()
	}
	return nil, fmt.Errorf("there is no %s server to start: only %s and %s", kind, Postgres, MariaDB)
}

func startServer(kind Kind, opts ...ServerOption) (*Server, error) {
	program, err := findProgram(kind)
	if err != nil {
		return nil, err
	}
	as, err := accountFor(program.account())
	if err != nil {
		return nil, err
	}
	k, err := servers.keep()
	if err != nil {
		return nil, err
	}
	s := &Server{kind: kind, program: program, account: as, keeper: k}
	for _, opt := range opts {
		opt(&s.options)
	}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("prepare a private %s: %w", kind, err)
	}
	if err := s.startOnFreePort(); err != nil {
		return nil, fmt.Errorf("start a private %s: %w", kind, err)
	}
	return s, nil
}

func (s *Server) prepare() (err error) {
	if s.dir, err = os.MkdirTemp(s.keeper.root, string(s.kind)+"-"); err != nil {
		return err
	}
	if err := s.account.own(s.dir); err != nil {
		return err
	}
	if s.options.disk != "" {
		if err := s.account.own(s.options.disk); err != nil {
			return err
		}
	}
	return provideData(s)
}

func (s *Server) data() string { return filepath.Join(cmp.Or(s.options.disk, s.dir), "data") }

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

// startOnFreePort tries another port when the one chosen was taken between
// looking and starting.
func (s *Server) startOnFreePort() error {
	var err error
	for range 5 {
		if s.port, err = freePort(); err != nil {
			return err
		}
		s.text = s.program.address(s)
		if err = s.start(); err == nil || !strings.Contains(err.Error(), "ddress already in use") {
			return err
		}
	}
	return err
}

// freePort picks from below the range that systems hand out to outgoing
// connections, so that a stopped server's port is still free at its restart.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := 20000 + rand.IntN(12000)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// running is one life of the server's process.
type running struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

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
		_ = cmd.Wait() // how it ended is in its log
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

// serverEnvironment keeps what is set for the tests (PGDATA, LC_ALL and such)
// away from the servers.
func serverEnvironment(dir string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C", "HOME=" + dir, "TMPDIR=" + dir,
	}
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

// ask is a real query, and tells this server from another that got the port.
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

// EmptyDSN makes an empty database, which lives as long as the server, and
// returns its address. The server must run.
func (s *Server) EmptyDSN(t testing.TB) string {
	t.Helper()
	text, _ := s.create(t)
	return text
}

// Socket is where the server listens beside its port: for PostgreSQL the
// folder that holds the socket, for MariaDB the socket itself.
func (s *Server) Socket() string { return s.program.socket(s) }

// Stop ends the server in good order, without waiting for its clients, whose
// connections break. It returns when the process is gone. Stopping a server
// that does not run does nothing.
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

// Runs reports whether the server's process is there: it may have ended by
// itself, when its disk is full, say.
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

// Kill ends the server and all its processes as kill -9 does, in the middle of
// whatever they do; the next start recovers. It returns when they are gone.
// Killing a server that does not run does nothing.
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

// Restart starts the server again on the same port with the same data, and
// stops it first if it runs. It returns when the server answers.
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

// discard takes the server down for good, and its folder with it, unless a
// killed PostgreSQL has left something that only the keeper clears away.
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
