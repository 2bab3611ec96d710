package testdb

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
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

// running is one life of the server's process.
type running struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
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

func (s *Server) data() string { return filepath.Join(cmp.Or(s.options.disk, s.dir), "data") }

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

// EmptyDSN makes an empty database, which lives as long as the server, and
// returns its address. The server must run.
func (s *Server) EmptyDSN(t testing.TB) string {
	t.Helper()
	text, _ := s.create(t, empty)
	return text
}

// Socket is where the server listens beside its port: for PostgreSQL the
// folder that holds the socket, for MariaDB the socket itself.
func (s *Server) Socket() string { return s.program.socket(s) }

// settings are the arguments of the server's command that come last, and so
// weigh more than the ones before.
func (s *Server) settings() (args []string) {
	for _, one := range s.options.named {
		args = append(args, s.program.setting(one[0], one[1]))
	}
	return args
}

// writeFile writes a file that only the server may read.
func (s *Server) writeFile(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", err
	}
	return path, s.account.own(path)
}

// serverEnvironment keeps what is set for the tests (PGDATA, LC_ALL and such)
// away from the servers.
func serverEnvironment(dir string) []string {
	return []string{
		searchPath(), "LC_ALL=C", "HOME=" + dir, "TMPDIR=" + dir,
	}
}
