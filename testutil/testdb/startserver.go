package testdb

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
)

// StartServer starts an empty server for one test, and ends it when the test ends. The test
// is skipped if the program is missing. Only Postgres and MariaDB can be started so.
func StartServer(t testing.TB, kind Kind, opts ...ServerOption) *Server {
	t.Helper()
	orSkip(t, chosen(kind))
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
	k, err := processKeeper.get()
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

// startOnFreePort tries another port if the chosen one was taken before the server started.
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

// freePort returns a port below the range that systems use for outgoing connections, so
// that a stopped server's port is still free at its restart.
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
