package testutil

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// Main runs the tests of a package and then takes the servers down, so that
// nothing is left when the process ends:
//
//	func TestMain(m *testing.M) { testutil.Main(m) }
//
// Without it the servers go too, but a moment after the process. The exit code
// is set by package testing when TestMain returns.
func Main(m *testing.M) {
	m.Run()
	if err := servers.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testutil: take the test servers down:", err)
	}
}

// servers holds what this test process has started. A server outlives the test
// that needed it first, so it cannot belong to a test.
var servers = serverSet{shared: map[Kind]*sharedServer{}}

type serverSet struct {
	mu     sync.Mutex
	keeper *keeper
	shared map[Kind]*sharedServer
}

type sharedServer struct {
	start func() (*host, error)
}

// keep returns the keeper of this process, and starts it first.
func (p *serverSet) keep() (*keeper, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keeper != nil {
		return p.keeper, nil
	}
	k, err := startKeeper()
	if err != nil {
		return nil, err
	}
	p.keeper = k
	return k, nil
}

func (p *serverSet) server(kind Kind) *sharedServer {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.shared[kind]
	if !ok {
		// Each kind once, and the kinds beside each other.
		s = &sharedServer{start: sync.OnceValues(func() (*host, error) { return startShared(kind) })}
		p.shared[kind] = s
	}
	return s
}

func (p *serverSet) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keeper == nil {
		return nil
	}
	err := p.keeper.close()
	p.keeper = nil
	return err
}

func startShared(kind Kind) (*host, error) {
	text, err := givenDSN(kind)
	if err != nil {
		return nil, err
	}
	if text != "" {
		return &host{text: text}, nil
	}
	if kind == MySQL {
		return nil, errNoMySQL
	}
	s, err := startServer(kind)
	if err != nil {
		return nil, err
	}
	return &s.host, nil
}

// sharedHost is the server of one kind that the tests of this process share.
func sharedHost(t testing.TB, kind Kind) *host {
	t.Helper()
	h, err := servers.server(kind).start()
	orSkip(t, err)
	return h
}

// errMissing is wrapped by errors that say a server is not on this machine.
var errMissing = errors.New("not found")

// errNoMySQL skips even where servers are required: Debian has no MySQL to
// install.
var errNoMySQL = errors.New("no MySQL to test on: set " + mysqlVariable)

// orSkip ends the test if there is an error: skipped when a server is only
// missing and need not be there, failed otherwise.
func orSkip(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if errors.Is(err, errNoMySQL) || errors.Is(err, errMissing) && os.Getenv(requireVariable) != "1" {
		t.Skip(err)
	}
	t.Fatal(err)
}
