package testdb

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// File makes a SQLite file with the newest tables, and returns its path. The file is
// removed when the test ends.
func File(t testing.TB) string {
	t.Helper()
	content, err := migratedFile()
	if err != nil {
		t.Fatalf("make the SQLite file that tests get copies of: %v", err)
	}
	path := emptyFile(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatalf("make a SQLite file: %v", err)
	}
	return path
}

// migratedFile returns the content of a SQLite file with the newest tables.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "jobsystem-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jobs.db")
	if err := migrate(dsn.File(path)); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// emptyFile returns the path of a file that does not exist yet, in a folder of its
// own.
func emptyFile(t testing.TB) string {
	t.Helper()
	return filepath.Join(folder(t), "jobs.db")
}

// folder makes a folder for one test.
func folder(t testing.TB) string {
	t.Helper()
	if os.Getenv(dirVariable) == "" {
		return t.TempDir()
	}
	k, err := processKeeper.get()
	if err != nil {
		t.Fatalf("make a folder for a SQLite file: %v", err)
	}
	dir, err := os.MkdirTemp(k.root, "sqlite-")
	if err != nil {
		t.Fatalf("make a folder for a SQLite file: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the folder of a SQLite file: %v", err)
		}
	})
	return dir
}
