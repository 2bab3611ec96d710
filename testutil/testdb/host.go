package testdb

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// host makes and drops databases on one server, a private or a given one.
type host struct {
	text string // the address of a database that always exists
	// migrated returns the name of a database with the newest tables, to copy. It is nil if
	// new databases get their tables by a migration.
	migrated func() (string, error)

	mu    sync.Mutex
	admin *bun.DB
}

// borrow makes a copy of a database that is dropped when the test ends.
func (h *host) borrow(t testing.TB, template string) string {
	t.Helper()
	text, name := h.create(t, template)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.drop(ctx, name); err != nil {
			t.Errorf("drop test database %s: %v", name, err)
		}
	})
	return text
}

// empty is the template of databases without tables.
const empty = "template0"

func (h *host) create(t testing.TB, template string) (text, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	text, name, err := h.make(ctx, template)
	if err != nil {
		t.Fatalf("create test database %s: %v; the user needs the right to create databases", name, err)
	}
	return text, name
}

func (h *host) make(ctx context.Context, template string) (text, name string, err error) {
	name = "jobsystem_test_" + strings.ToLower(rand.Text()[:12])
	if text, err = dsn.WithDatabase(h.text, name); err != nil {
		return "", name, err
	}
	admin, err := h.open(ctx)
	if err != nil {
		return "", name, err
	}
	if admin.Dialect().Name() == dialect.PG {
		_, err = admin.ExecContext(ctx, "CREATE DATABASE ? TEMPLATE ? ENCODING 'UTF8'", bun.Ident(name), bun.Ident(template))
	} else {
		_, err = admin.ExecContext(ctx, "CREATE DATABASE ? CHARACTER SET utf8mb4", bun.Ident(name))
	}
	return text, name, err
}

// drop first ends the connections that are still open, for example of processes that the
// test killed.
func (h *host) drop(ctx context.Context, name string) error {
	admin, err := h.open(ctx)
	if err != nil {
		return err
	}
	if admin.Dialect().Name() == dialect.PG {
		_, err = admin.ExecContext(ctx, "DROP DATABASE ? WITH (FORCE)", bun.Ident(name))
		return err
	}
	ids, err := connectionsTo(ctx, admin, name)
	if err != nil {
		return fmt.Errorf("list its connections: %w", err)
	}
	for _, id := range ids {
		// A connection that ended by itself meanwhile is an error here, which does not
		// matter.
		_, _ = admin.ExecContext(ctx, "KILL ?", id)
	}
	_, err = admin.ExecContext(ctx, "DROP DATABASE ?", bun.Ident(name))
	return err
}

// connectionsTo returns the connections to a database of MySQL or MariaDB.
func connectionsTo(ctx context.Context, admin *bun.DB, name string) (ids []int64, err error) {
	var version string
	if err := admin.NewRaw("SELECT version()").Scan(ctx, &version); err != nil {
		return nil, err
	}
	query := "SELECT t.processlist_id FROM performance_schema.threads t WHERE t.processlist_db = ?"
	if strings.Contains(version, "MariaDB") { // it has that switched off, and MySQL's list cannot show all statements
		query = "SELECT id FROM information_schema.processlist WHERE db = ?"
	}
	return ids, admin.NewRaw(query, name).Scan(ctx, &ids)
}

func (h *host) open(ctx context.Context) (*bun.DB, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.admin != nil {
		return h.admin, nil
	}
	db, err := dsn.Open(ctx, h.text)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2) // the whole test run shares the server's connections
	db.SetMaxIdleConns(1)
	h.admin = db
	return db, nil
}

func (h *host) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.admin != nil {
		_ = h.admin.Close() // it wrote nothing that could be lost
		h.admin = nil
	}
}
