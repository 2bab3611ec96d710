package app

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/migrations"
)

const (
	// DSNVariable names the database in the environment.
	DSNVariable = "JOBSYSTEM_DSN"
	// PrefixVariable names the prefix of the tables in the environment.
	PrefixVariable = "JOBSYSTEM_TABLE_PREFIX"
	// DefaultDSN is the database where nothing names one.
	DefaultDSN = "jobsystem.db"
)

// Call is one call of the command line: what the host gives, the streams, and,
// once they have been read, what the global flags say.
type Call struct {
	Host   Host
	Name   string // of the binary
	Stdin  io.Reader
	Stderr io.Writer // may be written to by several goroutines
	Out    *view.Printer
	Now    func() time.Time

	secret   secrets
	getenv   func(string) string
	dsn      string
	dsnGiven bool // by --dsn
	// connectTimeout bounds the wait for the database; 0 leaves it to the DSN.
	connectTimeout time.Duration
	// prefixGiven is whether --table-prefix has set the engine's TablePrefix.
	prefixGiven bool
}

// NewCall returns a call with that command line, the program's name first.
func NewCall(args []string, host Host) *Call {
	c := &Call{Host: host, Name: host.Name, Stdin: host.Stdin, Now: time.Now, getenv: os.Getenv}
	if c.Name == "" && len(args) > 0 {
		c.Name = filepath.Base(args[0])
	}
	c.Name = cmp.Or(c.Name, "jobctl")
	if c.Stdin == nil {
		c.Stdin = os.Stdin
	}
	stdout, stderr := host.Stdout, host.Stderr
	if stdout == nil {
		stdout = os.Stdout
	}
	if stderr == nil {
		stderr = os.Stderr
	}
	c.Out = view.NewPrinter(stdout, c.Now)
	c.Stderr = &lockedWriter{w: stderr} // the engine logs while a command writes
	c.secret = newSecrets(append(args, c.getenv(DSNVariable), host.DSN))
	return c
}

// Database returns the DSN of the database without its secrets.
func (c *Call) Database() string { return dsn.Redact(c.dsn) }

// Tables returns the option of package migrations for the tables that the call is for.
func (c *Call) Tables() migrations.Option { return migrations.TablePrefix(c.Host.Engine.TablePrefix) }

// Hide returns a text without the passwords of the command line.
func (c *Call) Hide(text string) string { return c.secret.hide(text) }

// Note writes a line to people that is not the result.
func (c *Call) Note(format string, args ...any) {
	fmt.Fprintln(c.Stderr, c.Hide(fmt.Sprintf(format, args...)))
}

// lockedWriter lets one goroutine write at a time.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
