package testdb

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// postgres is an installed PostgreSQL: the folder of its programs.
type postgres struct{ bin string }

// Debian installs each version's programs into a folder of their own, outside of PATH. The
// newest one is used.
var debianPostgres = "/usr/lib/postgresql/*/bin/initdb"

func findPostgres() (program, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		// Often a link, with initdb only beside its target.
		if path, err = filepath.EvalSymlinks(path); err == nil && isFile(filepath.Join(filepath.Dir(path), "initdb")) {
			return postgres{filepath.Dir(path)}, nil
		}
	}
	bins, _ := filepath.Glob(debianPostgres) // the pattern is well formed
	slices.SortFunc(bins, func(a, b string) int { return debianVersion(b) - debianVersion(a) })
	for _, initdb := range bins {
		if isFile(filepath.Join(filepath.Dir(initdb), "postgres")) {
			return postgres{filepath.Dir(initdb)}, nil
		}
	}
	return nil, fmt.Errorf("postgres %w: run make test, which installs it, or set %s", errMissing, postgresVariable)
}

func debianVersion(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // not a number: last
	return n
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (p postgres) account() string { return "postgres" }

func (p postgres) binary() string { return filepath.Join(p.bin, "postgres") }

func (p postgres) initialize(s *Server) (*exec.Cmd, error) {
	passwordFile, err := s.writeFile("password", s.password)
	if err != nil {
		return nil, err
	}
	// Not synced: data that a power failure loses is made again.
	return exec.Command(filepath.Join(p.bin, "initdb"), "--pgdata", s.data(), "--no-sync",
		"--username=jobsystem", "--pwfile", passwordFile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C"), nil
}

func (p postgres) serve(s *Server) (*exec.Cmd, error) {
	return exec.Command(p.binary(), "-D", s.data(),
		"-c", "listen_addresses=127.0.0.1",
		"-c", "port="+strconv.Itoa(s.port),
		"-c", "unix_socket_directories="+s.dir,
		"-c", "max_connections=300",
		"-c", "timezone=<+0530>-05:30", // not UTC, see the package; needs no time zone files
		"-c", "dynamic_shared_memory_type=mmap", // in the data folder, so it is removed with it after a kill
	), nil
}

func (p postgres) address(s *Server) string {
	return (&url.URL{
		Scheme: "postgres",
		User:   url.UserPassword("jobsystem", s.password),
		Host:   net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:   "/postgres",
	}).String()
}

func (p postgres) setting(name, value string) string { return "--" + name + "=" + value }

func (p postgres) identity() string { return "SHOW data_directory" }

func (p postgres) stopSignal() string { return "INT" } // "fast": ends the clients' sessions

func (p postgres) discardSignal() string { return "QUIT" } // "immediate": leaves no shared memory, unlike a kill

func (p postgres) socket(s *Server) string { return s.dir }
