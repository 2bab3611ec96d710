package testutil_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mayMeasure are the packages that may read the host's clock, to measure how long something
// took in this process: the monotonic clock does that whatever the host's time is.
// Processes compare the database's clock.
var mayMeasure = []string{
	"engine/internal/dispatch", "engine/internal/execution", "engine/internal/journal", "engine/internal/lease", "engine/internal/worker", "steps",
}

// The host's clock decides nothing: it is read only to be stored, and compared later with
// itself. What is read is not written, sent or converted.
func TestTheHostsClockIsOnlyReadToMeasure(t *testing.T) {
	t.Parallel()
	reads := 0
	for _, root := range []string{"engine", "steps", "model", "progress", "migrations"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				return err
			}
			var above []ast.Node
			ast.Inspect(file, func(n ast.Node) bool {
				if n == nil {
					above = above[:len(above)-1]
					return true
				}
				if isNow(n) {
					reads++
					assert.True(t, kept(above), "%v uses the host's clock otherwise than to measure: take the database's", files.Position(n.Pos()))
					home := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(name, "../")))
					assert.Contains(t, mayMeasure, home, "%v reads the host's clock: take the database's", files.Position(n.Pos()))
				}
				above = append(above, n)
				return true
			})
			return nil
		})
		require.NoError(t, err)
	}
	assert.Positive(t, reads, "no read of the clock was found")
}

func isNow(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := function.X.(*ast.Ident)
	return ok && of.Name == "time" && function.Sel.Name == "Now"
}

// kept reports whether the value of these nodes, the nearest last, is stored in a variable
// or a field, as it is or with some time added.
func kept(above []ast.Node) bool {
	nearest := above[len(above)-1]
	if more, ok := nearest.(*ast.SelectorExpr); ok && more.Sel.Name == "Add" {
		nearest = above[len(above)-3] // beyond the call
	}
	switch nearest.(type) {
	case *ast.AssignStmt, *ast.KeyValueExpr, *ast.ValueSpec:
		return true
	}
	return false
}
