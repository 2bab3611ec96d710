package testutil_test

import (
	"encoding/json"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/ntxdev/jobsystem"

// allowed is who may import whom: for each package of this module and the packages below
// it, the other packages of this module, and the foreign modules. A star allows all.
var allowed = map[string]struct{ ours, foreign []string }{
	"progress": {},
	"model":    {foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun"}},
	// Bun is for the transaction of an InTx step only.
	"steps/plan": {
		ours:    []string{"model"},
		foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun", "github.com/cenkalti/backoff"},
	},
	"steps": {
		ours:    []string{"model", "progress", "steps/plan"},
		foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun"},
	},
	"migrations": {ours: []string{"model"}, foreign: []string{"github.com/uptrace/bun"}},
	"engine": {
		ours:    []string{"engine", "model", "steps", "progress"},
		foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun"},
	},
	"engine/internal/store": {
		ours:    []string{"model"},
		foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun"},
	},
	"engine/internal/pause": {foreign: []string{"github.com/cenkalti/backoff"}},
	"engine/internal/lease": {ours: []string{"engine/internal/store", "engine/internal/pause"}},
	"engine/internal/journal": {
		ours:    []string{"engine/internal/store", "engine/internal/pause", "model", "steps/plan"},
		foreign: []string{"github.com/cenkalti/backoff"},
	},
	"engine/internal/execution": {
		ours:    []string{"engine/internal/store", "engine/internal/pause", "engine/internal/lease", "engine/internal/journal", "model", "progress", "steps"},
		foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun"},
	},
	"engine/internal/dispatch": {
		ours:    []string{"engine/internal/store", "engine/internal/pause", "engine/internal/journal", "engine/internal/execution", "model", "steps/plan"},
		foreign: []string{"github.com/google/uuid"},
	},
	"engine/internal/worker": {
		ours: []string{"engine/internal/pause", "engine/internal/lease", "engine/internal/journal", "engine/internal/execution", "engine/internal/dispatch"},
	},
	"cli": {
		ours:    []string{"cli/internal/app", "cli/internal/command", "engine", "model", "steps"},
		foreign: []string{"github.com/uptrace/bun"},
	},
	"cli/dsn": {foreign: []string{"*"}},
	"cli/internal/view": {
		ours: []string{"model", "progress"},
		foreign: []string{
			"github.com/google/uuid", "github.com/jedib0t/go-pretty", "github.com/mattn/go-runewidth", "github.com/vbauerster/mpb", "golang.org/x/term",
		},
	},
	"cli/internal/app": {
		ours:    []string{"cli/dsn", "cli/internal/view", "engine", "migrations", "model"},
		foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun", "github.com/urfave/cli", "github.com/xrash/smetrics"},
	},
	"cli/internal/command": {
		ours:    []string{"cli/internal/app", "cli/internal/command", "cli/internal/view", "engine", "migrations", "model"},
		foreign: []string{"github.com/google/uuid", "github.com/uptrace/bun", "github.com/urfave/cli"},
	},
	"cli/internal/capture": {foreign: []string{"github.com/stretchr/testify", "golang.org/x/sys"}},
	"testutil": {
		ours:    []string{"testutil/testdb", "testutil/wire", "cli/dsn", "engine", "steps", "model", "migrations"},
		foreign: []string{"*"},
	},
	"testutil/testdb":     {ours: []string{"cli/dsn", "migrations"}, foreign: []string{"github.com/uptrace/bun", "modernc.org/sqlite"}},
	"testutil/wire":       {foreign: []string{"github.com/uptrace/bun"}},
	"testutil/protocol":   {},
	"testutil/eta/figure": {ours: []string{"testutil/eta"}, foreign: []string{"gonum.org/v1/plot"}},
	"testutil/eta":        {ours: []string{"progress"}, foreign: []string{"github.com/vbauerster/mpb"}},
	"examples":            {ours: []string{"*"}, foreign: []string{"*"}},
	// The command alone puts the parts together.
	"cli/jobctl": {ours: []string{"*"}, foreign: []string{"*"}},
}

// drivers may be imported below these packages only: the host chooses its own.
var driverHomes = []string{"cli", "testutil", "examples"}

var drivers = []string{"github.com/jackc/pgx", "github.com/go-sql-driver/mysql", "modernc.org/sqlite"}

type listed struct {
	ImportPath string
	Doc        string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,Imports", module+"/...").Output()
	require.NoError(t, err)
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listed
		require.NoError(t, decoder.Decode(&p))
		all = append(all, p)
	}
	require.NotEmpty(t, all)
	return all
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		rule, ok := allowed[ruled(name)]
		if !assert.True(t, ok, "no rule for package %s", name) {
			continue
		}
		for _, imported := range p.Imports {
			ours, isOurs := strings.CutPrefix(imported, module+"/")
			foreign := !isOurs && strings.Contains(strings.Split(imported, "/")[0], ".")
			switch {
			case isOurs:
				assert.True(t, within(rule.ours, ours), "%s imports %s", name, ours)
			case foreign:
				assert.True(t, within(rule.foreign, imported), "%s imports %s", name, imported)
			}
			if within(drivers, imported) {
				assert.True(t, within(driverHomes, name), "%s imports the driver %s", name, imported)
			}
		}
	}
}

// ruled returns the nearest package at or above name for which there is a rule.
func ruled(name string) string {
	for name != "." {
		if _, ok := allowed[name]; ok {
			return name
		}
		name = path.Dir(name)
	}
	return name
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		assert.NotEmpty(t, p.Doc, "%s has no package documentation", p.ImportPath)
	}
}

// within reports whether name is one of the roots or lies below one.
func within(roots []string, name string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return root == "*" || name == root || strings.HasPrefix(path.Clean(name)+"/", root+"/")
	})
}
