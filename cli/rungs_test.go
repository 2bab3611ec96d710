package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The documentation of each internal package lists its files, lowest first; a file
// uses only what those before it declare.
func TestFilesStandOnRungs(t *testing.T) {
	t.Parallel()
	folders := 0
	err := filepath.WalkDir("internal", func(folder string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if len(files) > 0 {
			folders++
			t.Run(filepath.ToSlash(folder), func(t *testing.T) {
				t.Parallel()
				checkRungs(t, files)
			})
		}
		return err
	})
	require.NoError(t, err)
	assert.NotZero(t, folders)
}

func checkRungs(t *testing.T, files []string) {
	fset := token.NewFileSet()
	var parsed []*ast.File
	var names, rungs []string
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		require.NoError(t, err)
		parsed = append(parsed, f)
		if name == "doc.go" {
			rungs = listedFiles(f.Doc.Text())
		} else {
			names = append(names, name)
		}
	}
	assert.ElementsMatch(t, names, rungs, "the files that doc.go lists")

	// Foreign packages are empty, so that nothing has to be compiled: what the
	// check finds wrong with them does not matter.
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	pkg, _ := config.Check("checked", fset, parsed, info)
	for use, object := range info.Uses {
		if object.Pkg() != pkg {
			continue
		}
		from, to := filepath.Base(fset.Position(use.Pos()).Filename), filepath.Base(fset.Position(object.Pos()).Filename)
		assert.GreaterOrEqual(t, slices.Index(rungs, from), slices.Index(rungs, to), "%s uses %s of %s, which stands higher", from, object.Name(), to)
	}
}

var listedFile = regexp.MustCompile(`(?m)^\t(\w+\.go)\s`)

// listedFiles returns the files that a package's documentation lists.
func listedFiles(doc string) (names []string) {
	_, list, _ := strings.Cut(doc, "# Files")
	for _, match := range listedFile.FindAllStringSubmatch(list, -1) {
		names = append(names, match[1])
	}
	return names
}

// nothing imports every package as an empty one.
type nothing struct{}

func (nothing) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}
