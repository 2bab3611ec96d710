package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ntxdev/jobsystem/model"
)

// screen is a terminal: what is written to tty stands on it.
type screen struct {
	*stream
	tty *os.File
}

// newScreen opens a terminal of that size.
func newScreen(t *testing.T, width, height uint16) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil && os.Getenv("JOBSYSTEM_TEST_REQUIRE") == "" {
		t.Skipf("no terminals here: %v", err)
	}
	require.NoError(t, err)
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}))
	s := &screen{stream: newStream(t), tty: tty}
	go func() {
		_, _ = io.Copy(s, master) // until the terminal is closed
		s.end()
		_ = master.Close()
	}()
	t.Cleanup(func() { _ = tty.Close() })
	return s
}

// lines closes the terminal and returns what stands on it: each redraw moves up
// to the first line of the last one and clears from there.
func (s *screen) lines() []string {
	s.t.Helper()
	require.NoError(s.t, s.tty.Close())
	s.waitForEnd()
	var lines []string
	for i, part := range strings.Split(uncoloured(s.String()), "\x1b[J") {
		part, up, found := strings.Cut(part, "\x1b[")
		if part != "" {
			lines = append(lines, strings.Split(strings.TrimSuffix(part, "\r\n"), "\r\n")...)
		}
		if found {
			n := 0
			_, err := fmt.Sscanf(up, "%dA", &n)
			require.NoError(s.t, err, "redraw %d", i)
			require.LessOrEqual(s.t, n, len(lines), "redraw %d goes above the first line", i)
			lines = lines[:len(lines)-n]
		}
	}
	return lines
}

func TestOnATerminalBarsAreDrawnAndStay(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, size := range []struct{ width, height uint16 }{{100, 30}, {30, 30}, {100, 5}, {20, 3}} {
		t.Run(fmt.Sprintf("%d by %d", size.width, size.height), func(t *testing.T) {
			b := setup(t)
			screen := newScreen(t, size.width, size.height)
			id := b.enqueue(`{"wait":"pack"}`, "--name", "An order")
			b.opts.Stdout = screen.tty
			watch := b.start("watch", id)
			screen.waitFor("  0%")
			b.opts.Stdout = nil
			w := b.worker()
			b.entersStep("pack")
			screen.waitFor("at work on pack")
			close(b.shop.open)
			require.Equal(t, ExitOK, watch.wait().code)
			w.signal(os.Interrupt)
			w.wait()

			lines := screen.lines()
			assert.Contains(t, lines[0], "An order")
			assert.Contains(t, lines[0], "100%")
			assert.Len(t, lines, 1+max(0, min(3, int(size.height)-4)))
			for _, line := range lines[1:] {
				assert.Regexp(t, `^  ✓ (pick|pack|ship)`, line)
			}
		})
	}
}

func TestWarningsStandAboveTheBars(t *testing.T) {
	t.Setenv("TERM", "xterm")
	screen := newScreen(t, 80, 24)
	beside := newStream(t)
	v := newBarsView(newPrinter(screen.tty, time.Now), beside)
	_, _ = fmt.Fprintln(v, "before")
	require.NoError(t, v.update(&model.JobView{Name: "An order", Status: model.Succeeded, Percent: 100}))
	_, _ = fmt.Fprintln(v, "during")
	screen.waitFor("An order")
	v.close()
	_, _ = fmt.Fprintln(v, "after")

	lines := screen.lines()
	require.Len(t, lines, 2, lines)
	assert.Equal(t, "during", lines[0])
	assert.Contains(t, lines[1], "An order")
	assert.Equal(t, "before\nafter\n", beside.String())
}
