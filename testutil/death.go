package testutil

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/ntxdev/jobsystem/testutil/wire"
)

// errDead is the error of all calls of a process that has died.
var errDead = errors.New("the process has died")

// death is a hook with which a process dies at one of its writes: a commit, or a statement
// that changes something outside of a transaction. From then on all of its calls fail
// without effect. As with a process that is killed, a call that was running may still take
// effect, without an answer.
type death struct {
	write int  // the number of the write, from 1; 0 for none
	after bool // dies just after it instead of just before it

	mu          sync.Mutex
	begun, done int // writes
	dead        bool
	died        chan struct{}
}

func newDeath(write int, after bool) *death {
	return &death{write: write, after: after, died: make(chan struct{})}
}

func (d *death) Before(_ context.Context, call wire.Call) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if isWrite(call) && !d.dead {
		d.begun++
		d.dieIf(!d.after && d.begun == d.write)
	}
	if d.dead && call.Kind != wire.Rollback {
		return errDead
	}
	return nil
}

func (d *death) After(_ context.Context, call wire.Call, err error) error {
	if errors.Is(err, driver.ErrSkip) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if isWrite(call) && !d.dead {
		d.done++
		d.dieIf(d.after && d.done == d.write)
	}
	if d.dead && call.Kind != wire.Rollback {
		return errors.Join(errDead, err)
	}
	return nil
}

// dieIf makes the process die if now is true.
func (d *death) dieIf(now bool) {
	if now {
		d.dead = true
		close(d.died)
	}
}

// isDead reports whether the process is dead.
func (d *death) isDead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// revive lets the process use its database again: it learns that it has lost its jobs.
func (d *death) revive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.write = false, 0
}

// writes returns the number of writes that the process has begun.
func (d *death) writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.begun
}

// isWrite reports whether a call makes a change that lasts. A host's own statements count
// too, and they have no tag: it goes by their words.
func isWrite(call wire.Call) bool {
	if call.Kind != wire.Statement || call.Tx != 0 {
		return call.Kind == wire.Commit
	}
	word, rest, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(call.Text)), " ")
	if word == "WITH" { // what follows may only read
		return strings.Contains(rest, "UPDATE ") || strings.Contains(rest, "INSERT ") || strings.Contains(rest, "DELETE ")
	}
	return slices.Contains([]string{"UPDATE", "INSERT", "DELETE"}, word)
}

// openMortal opens a SQLite file for a process that will die.
func openMortal(file string, d *death) (*bun.DB, error) {
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(OFF)"}}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: file, RawQuery: settings.Encode()}).String())
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(wire.Connector(connector, d))
	pool.SetMaxOpenConns(1)
	return bun.NewDB(pool, sqlitedialect.New()), nil
}

// openMortalOn opens the database of db for a process that will die.
func openMortalOn(db *bun.DB, d *death) *bun.DB {
	const connections = 4
	return wire.Beside(db, connections, d)
}
