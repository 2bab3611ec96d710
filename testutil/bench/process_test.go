package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The variables by which this program knows that it is the other process of a measurement.
const (
	systemVariable  = "JOBSYSTEM_BENCH_SYSTEM"
	addressVariable = "JOBSYSTEM_BENCH_ADDRESS"
)

// elsewhere starts another process of this program, which enqueues a system's
// jobs. enqueue returns when it has enqueued one, with the time just before by
// the machine's clock, which both processes read.
func elsewhere(ctx context.Context, t *testing.T, one system, address string) (enqueue func(job int) (time.Time, error), done func()) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, program, "-test.run=^TestElsewhere$")
	cmd.Env = append(os.Environ(), systemVariable+"="+one.name, addressVariable+"="+address)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	enqueue = func(job int) (time.Time, error) {
		if _, err := fmt.Fprintln(in, job); err != nil {
			return time.Time{}, err
		}
		if !lines.Scan() {
			return time.Time{}, fmt.Errorf("the other process has ended: %w", lines.Err())
		}
		nanos, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("the other process: %s", lines.Text())
		}
		return time.Unix(0, nanos), nil
	}
	return enqueue, func() {
		in.Close()
		for lines.Scan() { // what package testing has to say
		}
		require.NoError(t, cmd.Wait())
	}
}

// TestElsewhere is the other process: it enqueues the job that each line of its
// input names, and says when.
func TestElsewhere(t *testing.T) {
	address := os.Getenv(addressVariable)
	if address == "" {
		t.Skip("it is the other process of a latency: see TestTable")
	}
	all := systems()
	i := slices.IndexFunc(all, func(s system) bool {
		return s.name == os.Getenv(systemVariable) && slices.Contains(s.on, testdb.Postgres)
	})
	require.GreaterOrEqual(t, i, 0)
	enqueue, done := all[i].client(t.Context(), t, address)
	defer done()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		job, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		require.NoError(t, err)
		start := time.Now()
		require.NoError(t, enqueue(job))
		fmt.Println(start.UnixNano())
	}
}
