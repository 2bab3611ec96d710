package faults_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestTheDatabaseIsKilledAndStartedAgain(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		s, server := newServerScene(t, kind)
		s.work(2)
		for range *times {
			s.fault(func() {
				last(t, rand.N(300*time.Millisecond)) // the moment is random
				require.NoError(t, server.Kill())
				require.NoError(t, server.Restart())
			})
		}
		s.end("server killed")
	})
}

func TestTheDatabaseIsStoppedForLongerThanALease(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		s, server := newServerScene(t, kind)
		s.work(2)
		for range *times {
			s.fault(func() {
				last(t, rand.N(300*time.Millisecond))
				require.NoError(t, server.Stop())
				last(t, lease*3/2)
				require.NoError(t, server.Restart())
			})
		}
		s.end("server stopped for 1.5 leases")
	})
}

// The server ends all connections, repeatedly.
func TestTheDatabaseEndsItsConnections(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		text := testdb.DSN(t, kind)
		s := newScene(t, text)
		admin := testdb.Open(t, text)
		admin.SetMaxOpenConns(1)
		s.work(2)
		for range *times {
			s.fault(func() {
				for range 10 {
					endConnections(t, kind, admin)
					last(t, rand.N(100*time.Millisecond))
				}
			})
		}
		s.end("all connections ended 10 times")
	})
}
