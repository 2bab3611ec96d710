package faults_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// network is a network of its own with one cable to this one.
type network struct {
	t           *testing.T
	name, cable string // of this side; the other one's end is called "inside"
	host        string // this side's address
	subnet      int
}

// newNetwork makes a network; the numbers distinguish those of a process.
func newNetwork(t *testing.T, number int) *network {
	t.Helper()
	testdb.NeedCapability(t, testdb.NetAdmin)
	testdb.NeedCapability(t, testdb.SysAdmin)
	if _, err := exec.LookPath("ip"); err != nil {
		testdb.Missing(t, "the program ip (Debian's package iproute2)")
	}
	id := os.Getpid() % 100_000
	n := &network{t: t, name: fmt.Sprintf("jobsystem-%d-%d", id, number), cable: fmt.Sprintf("js%d-%d", id, number), subnet: id%250 + 1}
	n.host = fmt.Sprintf("10.%d.%d.1", 200+number, n.subnet)
	n.ip("netns", "add", n.name)
	t.Cleanup(func() { n.ip("netns", "delete", n.name) }) // and the cable with it
	n.ip("link", "add", n.cable, "type", "veth", "peer", "name", "inside", "netns", n.name)
	n.ip("address", "add", n.host+"/24", "dev", n.cable)
	n.ip("link", "set", n.cable, "up")
	n.inside("ip", "link", "set", "inside", "up")
	n.move(2)
	return n
}

// within is the command that runs another one inside.
func (n *network) within() []string { return []string{"ip", "netns", "exec", n.name} }

func (n *network) ip(args ...string) {
	n.t.Helper()
	output, err := exec.Command("ip", args...).CombinedOutput()
	assert.NoError(n.t, err, "ip %q: %s", args, output)
}

func (n *network) inside(args ...string) {
	n.t.Helper()
	n.ip(append([]string{"netns", "exec", n.name}, args...)...)
}

// move gives the inside another address: its connections from the old one end silently.
func (n *network) move(to int) {
	n.t.Helper()
	n.inside("ip", "address", "flush", "dev", "inside")
	n.inside("ip", "address", "add", fmt.Sprintf("10.%s.%d/24", n.host[3:len(n.host)-2], to), "dev", "inside")
}

// The cable between a worker and the database is cut for longer than a lease, so that
// packets are lost silently; another worker takes over. Then the cable is repaired; or the
// worker has another address by then, and nothing that was sent before is ever answered.
func TestTheNetworkIsCut(t *testing.T) {
	number := map[testdb.Kind]int{testdb.Postgres: 1, testdb.MariaDB: 2}
	// Administrators make a database end idle transactions.
	settings := map[testdb.Kind]testdb.ServerOption{
		testdb.Postgres: testdb.ServerSetting("idle_in_transaction_session_timeout", "4s"),
		testdb.MariaDB:  testdb.ServerSetting("idle-transaction-timeout", "4"),
	}
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		n := newNetwork(t, number[kind])
		s, _ := newServerScene(t, kind, settings[kind])
		_, through := newProxy(t, s.dsn, n.host+":0")
		s.workAt(through, n.within()...)
		s.work(1)
		cut := s.workers[0]
		for i := range *times + 1 {
			s.fault(func() {
				s.keepBusy(cut)
				n.ip("link", "set", n.cable, "down")
				s.awaitTakeover(cut)
				if i%2 == 1 {
					n.move(3 + i)
				}
				n.ip("link", "set", n.cable, "up")
			})
			s.keepBusy(cut) // it has come back by itself
		}
		require.Positive(t, s.takeovers, "the worker was never cut off in the middle of a run")
		s.end("network cut until the lease was over, half the time for good")
	})
}
