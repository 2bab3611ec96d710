package testutil_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ordered are the packages, with those below them, whose list of files is an
// order: no file refers to what a later one declares.
var ordered = []string{"engine/internal", "steps/plan", "cli/internal", "testutil"}

// mustOrder are the packages that must list their files; others of ordered may.
var mustOrder = []string{
	"engine/internal/dispatch", "engine/internal/execution", "engine/internal/journal", "engine/internal/lease", "engine/internal/pause",
	"engine/internal/store", "engine/internal/worker", "steps/plan",
}

// mostCallbacks is the maximum number of names of a package to which its earlier files may
// refer.
const mostCallbacks = 6

func TestFilesReferOnlyToEarlierOnes(t *testing.T) {
	t.Parallel()
	var found []*fileOrder
	for _, p := range goList(t, "-json=ImportPath,Dir,GoFiles,IgnoredGoFiles", module+"/...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if !within(ordered, name) {
			continue
		}
		o, err := parseFileOrder(p)
		require.NoError(t, err)
		if len(o.listed) > 0 {
			found = append(found, o)
		} else {
			assert.NotContains(t, mustOrder, name, "its documentation lists no files")
		}
	}
	exports := exportData(t, found...)
	for _, o := range found {
		for _, problem := range problems(t, o, exports) {
			t.Errorf("%s/%s", strings.TrimPrefix(o.path, module+"/"), problem)
		}
	}
}

// The fixture has each problem that can be found.
func TestAReferenceToALaterFileIsFound(t *testing.T) {
	t.Parallel()
	p := listedPackage{ImportPath: "fixture", Dir: filepath.Join("testdata", "fileorder")}
	names, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		p.GoFiles = append(p.GoFiles, filepath.Base(name))
	}
	o, err := parseFileOrder(p)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"gone.go is listed and does not exist",
		"twice.go is listed twice",
		"unlisted.go is not listed",
		"7 callbacks are more than 6",
		"early.go:8 refers to Kind, which late.go declares",
		"early.go:10 refers to limit, which late.go declares",
		"early.go:13 refers to Box, which late.go declares",
		"early.go:13 refers to opener, which late.go declares",
		"early.go:14 refers to count, which late.go declares",
		"early.go:15 refers to open, which late.go declares",
		"early.go:16 refers to Kind.close, which late.go declares",
		"early.go:17 refers to Box.put, which late.go declares",
		"early.go:18 refers to opener.again, which late.go declares",
		"no earlier file refers to the callback unused",
		"no earlier file refers to the callback a",
		"no earlier file refers to the callback b",
		"no earlier file refers to the callback c",
		"no earlier file refers to the callback d",
	}, problems(t, o, exportData(t, o)))
}

func problems(t *testing.T, o *fileOrder, exports map[string]string) []string {
	t.Helper()
	uses, err := o.uses(exports)
	require.NoError(t, err, "%s", o.path)
	return append(o.listProblems(), o.useProblems(uses)...)
}
