package bench

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var rowsPerSecond = regexp.MustCompile(`([0-9.e+]+) rows/s`)

// flushes is how many rows a second the bare driver writes by the engine's own
// statement for 100, into the engine's own table. The statement is not to be had
// from outside, so the store's benchmark of it runs, as a process with a server
// of its own.
func flushes(t *testing.T, kind testdb.Kind) float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	name := fmt.Sprintf("^BenchmarkFlush$/^%s$/^rows=%d$/^statement$", kind, batchRows)
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", name, "-benchtime", floorTime.String(), "./engine/internal/store")
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	found := rowsPerSecond.FindSubmatch(out)
	require.NotNil(t, found, "%s", out)
	perSecond, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(t, err)
	return perSecond
}
