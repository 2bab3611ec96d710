package bench

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// versions are those of what is measured. (A test binary does not know its
// modules' versions.)
func versions() string {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		return err.Error()
	}
	var found []string
	for _, part := range []string{"github.com/riverqueue/river ", "github.com/dbos-inc/dbos-transact-golang ", "github.com/cschleiden/go-workflows ",
		"github.com/jackc/pgx/v5 ", "github.com/go-sql-driver/mysql ", "modernc.org/sqlite ", "github.com/uptrace/bun "} {
		if _, rest, ok := strings.Cut(string(text), "\t"+part); ok {
			version, _, _ := strings.Cut(rest, "\n")
			version, _, _ = strings.Cut(version, " ")
			found = append(found, strings.TrimPrefix(part, "github.com/")+version)
		}
	}
	return strings.Join(found, ", ")
}

// syncTime is the median time to write and sync a page.
func syncTime(dir string) time.Duration {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0
	}
	defer f.Close()
	page := make([]byte, 4096)
	var times []time.Duration
	for range 200 {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0
		}
		if err := f.Sync(); err != nil {
			return 0
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)/2]
}
