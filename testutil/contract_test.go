package testutil_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The promises name the tests that hold them: all of these exist.
func TestThePromisedTestsExist(t *testing.T) {
	const root = ".."
	defined := make(map[string]bool)
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range function.FindAllSubmatch(text, -1) {
			defined[string(found[1])] = true
		}
		return err
	}))
	name := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
	for _, file := range []string{"README.md", "engine/doc.go"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		names := name.FindAllString(string(text), -1)
		assert.NotEmpty(t, names, file)
		for _, name := range names {
			assert.True(t, defined[name], "%s names %s, which is not there", file, name)
		}
	}
}
