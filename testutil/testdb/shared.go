package testdb

import (
	"sync"
	"testing"
)

// shared is the servers that the tests of this process share. A server outlives the test
// that needed it first, so it cannot belong to a test.
var shared = sharedServers{start: map[Kind]func() (*host, error){}}

type sharedServers struct {
	mu    sync.Mutex
	start map[Kind]func() (*host, error)
}

// host returns the server of a kind, and starts it first.
func (s *sharedServers) host(kind Kind) (*host, error) {
	s.mu.Lock()
	start, ok := s.start[kind]
	if !ok {
		// Each kind once, and the kinds in parallel.
		start = sync.OnceValues(func() (*host, error) { return startShared(kind) })
		s.start[kind] = start
	}
	s.mu.Unlock()
	return start()
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
	if kind == Postgres {
		s.migrated = sync.OnceValues(s.makeMigrated)
	}
	return &s.host, nil
}

// sharedHost returns the server of one kind that the tests of this process share.
func sharedHost(t testing.TB, kind Kind) *host {
	t.Helper()
	h, err := shared.host(kind)
	orSkip(t, err)
	return h
}
