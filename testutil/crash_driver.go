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
)

// errDead is what a process that has died hears from its database.
var errDead = errors.New("the process has died")

// death has a process die at one of its writes: from then on nothing that it
// asks the database for happens.
type death struct {
	write int  // the write at which, counted from 1
	after bool // just after it, and not just before

	mu     sync.Mutex
	writes int
	dead   bool
	died   chan struct{}
}

func newDeath(write int, after bool) *death {
	return &death{write: write, after: after, died: make(chan struct{})}
}

// ask returns errDead if the process is dead.
func (d *death) ask() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errDead
	}
	return nil
}

// around does a write, unless the process is dead or dies before it; if it dies
// after it, the answer is lost.
func (d *death) around(write func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errDead
	}
	d.writes++
	if d.writes != d.write {
		return write()
	}
	defer close(d.died)
	d.dead = true
	if d.after {
		return errors.Join(errDead, write())
	}
	return errDead
}

// revive lets the process speak to its database again: it hears that it has lost
// its jobs.
func (d *death) revive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.write = false, 0
}

// openMortal opens a SQLite file for a process that is going to die.
func openMortal(file string, d *death) (*bun.DB, error) {
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(OFF)"}}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: file, RawQuery: settings.Encode()}).String())
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(mortalConnector{connector, d})
	pool.SetMaxOpenConns(1)
	return bun.NewDB(pool, sqlitedialect.New()), nil
}

// borrowMortal is a database on a server for a process that is going to die: its
// connections are borrowed from a pool, so that they have its settings.
func borrowMortal(db *bun.DB, d *death) *bun.DB {
	const connections = 4
	pool := sql.OpenDB(mortalConnector{borrowing{db}, d})
	pool.SetMaxOpenConns(connections)
	return bun.NewDB(pool, db.Dialect())
}

// borrowing connects by borrowing another pool's connections.
type borrowing struct{ db *bun.DB }

func (b borrowing) Driver() driver.Driver { return b.db.Driver() }

func (b borrowing) Connect(ctx context.Context) (driver.Conn, error) {
	lent, err := b.db.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := borrowed{lent: lent}
	err = lent.Raw(func(conn any) error {
		c.Conn = conn.(driver.Conn)
		return nil
	})
	return c, err
}

type borrowed struct {
	driver.Conn
	lent *sql.Conn
}

type mortalConnector struct {
	driver.Connector
	death *death
}

func (c mortalConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	mortal := &mortalConn{Conn: conn, death: c.death, end: conn.Close}
	if b, ok := conn.(borrowed); ok {
		mortal.Conn, mortal.end = b.Conn, b.lent.Close
	}
	return mortal, nil
}

// mortalConn counts the writes of its process: commits, and statements that
// change something on their own. A connection is used by one goroutine at a time.
type mortalConn struct {
	driver.Conn
	end   func() error
	death *death
	inTx  bool
}

func (c *mortalConn) Close() error { return c.end() }

func (c *mortalConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.death.ask(); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	c.inTx = err == nil
	return mortalTx{tx, c}, err
}

func (c *mortalConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return mortalStmt{stmt, query, c}, err
}

func (c *mortalConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.exec(query, func() (driver.Result, error) {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	})
}

func (c *mortalConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(query, func() (driver.Rows, error) {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	})
}

// writes reports whether a statement is a write of its own.
func (c *mortalConn) writes(query string) bool {
	word, rest, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(query)), " ")
	if word == "WITH" { // what follows may only read
		return !c.inTx && (strings.Contains(rest, "UPDATE ") || strings.Contains(rest, "INSERT ") || strings.Contains(rest, "DELETE "))
	}
	return !c.inTx && slices.Contains([]string{"UPDATE", "INSERT", "DELETE"}, word)
}

func (c *mortalConn) exec(query string, do func() (driver.Result, error)) (res driver.Result, err error) {
	if !c.writes(query) {
		if err := c.death.ask(); err != nil {
			return nil, err
		}
		return do()
	}
	err = c.death.around(func() (err error) {
		res, err = do()
		return err
	})
	return res, err
}

func (c *mortalConn) query(query string, do func() (driver.Rows, error)) (rows driver.Rows, err error) {
	if !c.writes(query) {
		if err := c.death.ask(); err != nil {
			return nil, err
		}
		return do()
	}
	err = c.death.around(func() (err error) {
		rows, err = do()
		return err
	})
	if err != nil && rows != nil {
		// Read to the end, so that the statement has taken its effect.
		values := make([]driver.Value, len(rows.Columns()))
		for rows.Next(values) == nil {
		}
		return nil, errors.Join(err, rows.Close())
	}
	return rows, err
}

type mortalStmt struct {
	driver.Stmt
	text string
	conn *mortalConn
}

func (s mortalStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.exec(s.text, func() (driver.Result, error) { return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args) })
}

func (s mortalStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(s.text, func() (driver.Rows, error) { return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args) })
}

type mortalTx struct {
	driver.Tx
	conn *mortalConn
}

// Commit is where a process with a transaction dies: one that is dead leaves
// nothing of it.
func (t mortalTx) Commit() error {
	committed := false
	err := t.conn.death.around(func() error {
		committed = true
		return t.Tx.Commit()
	})
	if !committed {
		err = errors.Join(err, t.Tx.Rollback())
	}
	t.conn.inTx = false
	return err
}

func (t mortalTx) Rollback() error {
	t.conn.inTx = false
	return t.Tx.Rollback()
}
