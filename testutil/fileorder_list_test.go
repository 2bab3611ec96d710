package testutil_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileOrder is a package with the list of files in its documentation, in which
// a line
//
//	claim.go   claims jobs
//
// names a file, after those that it may refer to, and a line
//
//	callback: run.start, wake   why
//
// names declarations, methods with their type, that earlier files may refer to
// all the same.
type fileOrder struct {
	path      string
	fset      *token.FileSet
	compiled  []*ast.File // on this machine
	sources   []string    // for all machines, without those that declare nothing
	listed    []string
	callbacks []string
}

// listedPackage is what go list prints of a package.
type listedPackage struct {
	ImportPath, Dir, Export string
	GoFiles, IgnoredGoFiles []string
}

// goList lists packages of this module, and not those of the workspace.
func goList(t *testing.T, args ...string) (all []listedPackage) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	list.Env = append(os.Environ(), "GOWORK=off")
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listedPackage
		require.NoError(t, decoder.Decode(&p))
		all = append(all, p)
	}
	return all
}

func parseFileOrder(p listedPackage) (*fileOrder, error) {
	o := &fileOrder{path: p.ImportPath, fset: token.NewFileSet()}
	for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(o.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if slices.Contains(p.GoFiles, name) {
			o.compiled = append(o.compiled, file)
		}
		if slices.ContainsFunc(file.Decls, declares) {
			o.sources = append(o.sources, name)
		}
		o.readDoc(file.Doc.Text())
	}
	return o, nil
}

// declares reports whether a declaration is not an import.
func declares(d ast.Decl) bool {
	general, ok := d.(*ast.GenDecl)
	return !ok || general.Tok != token.IMPORT
}

var (
	fileLine     = regexp.MustCompile(`^\t(\w+\.go)\s`)
	callbackLine = regexp.MustCompile(`^\tcallback: (.*)`)
)

func (o *fileOrder) readDoc(text string) {
	for line := range strings.Lines(text) {
		if match := fileLine.FindStringSubmatch(line); match != nil {
			o.listed = append(o.listed, match[1])
		}
		if match := callbackLine.FindStringSubmatch(line); match != nil {
			for part := range strings.SplitSeq(match[1], ",") {
				name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
				o.callbacks = append(o.callbacks, name)
			}
		}
	}
}

// listProblems returns the differences between the list and the files.
func (o *fileOrder) listProblems() (problems []string) {
	times := map[string]int{}
	for _, name := range o.listed {
		times[name]++
	}
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(o.listed, o.sources))))
	for _, name := range all {
		switch {
		case times[name] == 0:
			problems = append(problems, name+" is not listed")
		case !slices.Contains(o.sources, name):
			problems = append(problems, name+" is listed and does not exist")
		case times[name] > 1:
			problems = append(problems, name+" is listed twice")
		}
	}
	if n := len(o.callbacks); n > mostCallbacks {
		problems = append(problems, fmt.Sprintf("%d callbacks are more than %d", n, mostCallbacks))
	}
	return problems
}
