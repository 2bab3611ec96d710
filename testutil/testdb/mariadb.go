package testdb

import (
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
)

// mariadb is an installed MariaDB: its server, and the script that makes a data folder.
type mariadb struct{ server, install string }

func findMariaDB() (program, error) {
	server, found := lookProgram("mariadbd")
	install, foundInstall := lookProgram("mariadb-install-db")
	if !found || !foundInstall {
		return nil, fmt.Errorf("mariadbd %w: run make test, which installs it, or set %s", errMissing, mysqlVariable)
	}
	return mariadb{server, install}, nil
}

// Ordinary users often have no sbin in their PATH.
var beyondPath = []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/bin", "/usr/local/bin"}

func lookProgram(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	for _, dir := range beyondPath {
		if path := filepath.Join(dir, name); isFile(path) {
			return path, true
		}
	}
	return "", false
}

func (m mariadb) account() string { return "mysql" }

func (m mariadb) binary() string { return m.server }

// Equal settings when the data is made and when it is served, so that the log is not made
// again.
const mariadbLogSize = "--innodb-log-file-size=32M"

func (m mariadb) initialize(s *Server) (*exec.Cmd, error) {
	return exec.Command(m.install, "--no-defaults", "--datadir="+s.data(), "--skip-test-db",
		"--auth-root-authentication-method=normal", mariadbLogSize,
		"--innodb-flush-log-at-trx-commit=0"), nil // see initdb
}

// mariadbUsers is run by the server before it listens: it replaces the accounts without a
// password by the account of the tests.
const mariadbUsers = `CREATE OR REPLACE USER jobsystem@'127.0.0.1' IDENTIFIED BY '%[1]s';
CREATE OR REPLACE USER jobsystem@localhost IDENTIFIED BY '%[1]s';
GRANT ALL ON *.* TO jobsystem@'127.0.0.1' WITH GRANT OPTION;
GRANT ALL ON *.* TO jobsystem@localhost WITH GRANT OPTION;
DELETE FROM mysql.global_priv WHERE User NOT IN ('jobsystem', 'mariadb.sys');
FLUSH PRIVILEGES;
`

func (m mariadb) serve(s *Server) (*exec.Cmd, error) {
	users, err := s.writeFile("users.sql", fmt.Sprintf(mariadbUsers, s.password))
	if err != nil {
		return nil, err
	}
	return exec.Command(m.server, "--no-defaults",
		"--datadir="+s.data(),
		"--socket="+m.socket(s),
		"--bind-address=127.0.0.1",
		"--port="+strconv.Itoa(s.port),
		"--pid-file="+filepath.Join(s.dir, "pid"),
		"--init-file="+users,
		"--skip-name-resolve",
		"--max-connections=300",
		"--innodb-buffer-pool-size=128M",
		mariadbLogSize,
		"--character-set-server=utf8mb4",
		"--default-time-zone=+05:30", // not UTC, see the package
	), nil
}

func (m mariadb) address(s *Server) string {
	return (&url.URL{
		Scheme: "mariadb",
		User:   url.UserPassword("jobsystem", s.password),
		Host:   net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:   "/mysql",
	}).String()
}

func (m mariadb) setting(name, value string) string { return "--" + name + "=" + value }

func (m mariadb) identity() string { return "SELECT @@datadir" }

func (m mariadb) stopSignal() string { return "TERM" }

func (m mariadb) discardSignal() string { return "KILL" }

func (m mariadb) socket(s *Server) string { return filepath.Join(s.dir, "socket") }
