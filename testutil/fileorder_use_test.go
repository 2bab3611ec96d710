package testutil_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// use is a reference of a file to a name that a file of its package declares.
type use struct {
	from string
	line int
	name string
	to   string
}

// exportData compiles all that the packages import, and returns the files with its types by
// package.
func exportData(t *testing.T, orders ...*fileOrder) map[string]string {
	t.Helper()
	imported := map[string]bool{}
	for _, o := range orders {
		for _, file := range o.compiled {
			for _, spec := range file.Imports {
				imported[strings.Trim(spec.Path.Value, `"`)] = true
			}
		}
	}
	exports := map[string]string{}
	if len(imported) == 0 {
		return exports
	}
	args := []string{"-export", "-deps", "-json=ImportPath,Export"}
	for _, p := range goList(t, slices.AppendSeq(args, maps.Keys(imported))...) {
		exports[p.ImportPath] = p.Export
	}
	return exports
}

// uses returns all references within the package, in the order of its text.
func (o *fileOrder) uses(exports map[string]string) (all []use, err error) {
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(o.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})}
	pkg, err := config.Check(o.path, o.fset, o.compiled, &info)
	if err != nil {
		return nil, err
	}
	for _, file := range o.compiled {
		ast.Inspect(file, func(n ast.Node) bool {
			ident, ok := n.(*ast.Ident)
			if !ok || info.Uses[ident] == nil || info.Uses[ident].Pkg() != pkg {
				return true
			}
			if name := declaredName(info.Uses[ident]); name != "" {
				at, of := o.fset.Position(ident.Pos()), o.fset.Position(info.Uses[ident].Pos())
				all = append(all, use{filepath.Base(at.Filename), at.Line, name, filepath.Base(of.Filename)})
			}
			return true
		})
	}
	return all, nil
}

// declaredName returns the name of a package's declaration, for a method with its type. It
// is empty for fields and for what is local to a function.
func declaredName(object types.Object) string {
	if f, ok := object.(*types.Func); ok && f.Signature().Recv() != nil {
		of := f.Signature().Recv().Type()
		if pointer, ok := of.(*types.Pointer); ok {
			of = pointer.Elem()
		}
		if named, ok := of.(*types.Named); ok {
			return named.Obj().Name() + "." + f.Name()
		}
		return f.Name() // of an interface without a name
	}
	if object.Parent() == object.Pkg().Scope() {
		return object.Name()
	}
	return ""
}

// useProblems returns the references to later files that are no callbacks, once for each
// file and name, and the callbacks that are not needed.
func (o *fileOrder) useProblems(uses []use) (problems []string) {
	reported, called := map[string]bool{}, map[string]bool{}
	for _, u := range uses {
		from, to := slices.Index(o.listed, u.from), slices.Index(o.listed, u.to)
		if from < 0 || to <= from {
			continue
		}
		key := u.from + " " + u.name
		switch {
		case slices.Contains(o.callbacks, u.name):
			called[u.name] = true
		case !reported[key]:
			reported[key] = true
			problems = append(problems, fmt.Sprintf("%s:%d refers to %s, which %s declares", u.from, u.line, u.name, u.to))
		}
	}
	for _, name := range o.callbacks {
		if !called[name] {
			problems = append(problems, "no earlier file refers to the callback "+name)
		}
	}
	return problems
}
