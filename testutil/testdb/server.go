package testdb

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Server is a private database server, for tests that stop it or kill it. Tests that only
// need a database use EachDB, which is faster.
//
// Its port, password and data stay the same when it is started again, so an address stays
// valid. It is safe for concurrent use.
type Server struct {
	host
	kind     Kind
	program  program
	account  account
	keeper   *keeper
	dir      string // has the log, the socket, and the data unless they are elsewhere
	port     int
	password string
	options  serverOptions

	state   sync.Mutex // for starting and stopping
	running *running
}

// running is the server's process between a start and its end.
type running struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// program is what differs between the servers.
type program interface {
	// account is the name of the system user that runs it if root starts it.
	account() string
	// binary is the server's program file.
	binary() string
	// initialize is the command that makes a new data folder.
	initialize(s *Server) (*exec.Cmd, error)
	// serve is the command that runs the server, in the foreground.
	serve(s *Server) (*exec.Cmd, error)
	// address is the address of a database that always exists.
	address(s *Server) string
	// setting returns the argument for a setting of the server.
	setting(name, value string) string
	// identity is a query for the data folder, by which this server is distinguished from
	// another one at the same port.
	identity() string
	// stopSignal ends it properly without waiting for clients; discardSignal ends it fast,
	// when its data is no longer needed.
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

// Socket returns where the server listens beside its port: for PostgreSQL the folder with
// the socket, for MariaDB the socket itself.
func (s *Server) Socket() string { return s.program.socket(s) }

// settings returns the last arguments of the server's command, which override the ones
// before.
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

// serverEnvironment returns the environment without what is set for the tests (PGDATA,
// LC_ALL and such).
func serverEnvironment(dir string) []string {
	return []string{
		searchPath(), "LC_ALL=C", "HOME=" + dir, "TMPDIR=" + dir,
	}
}
