package capture

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Screen is a terminal: what is written to TTY stands on it.
type Screen struct {
	*Stream
	TTY *os.File
}

// NewScreen opens a terminal of that size. The test is skipped where there are
// none, unless JOBSYSTEM_TEST_REQUIRE is set.
func NewScreen(t *testing.T, width, height uint16) *Screen {
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
	s := &Screen{Stream: NewStream(t), TTY: tty}
	go func() {
		_, _ = io.Copy(s, master) // until the terminal is closed
		s.End()
		_ = master.Close()
	}()
	t.Cleanup(func() { _ = tty.Close() })
	return s
}

// Lines closes the terminal and returns what stands on it: each redraw moves up
// to the first line of the last one and clears from there.
func (s *Screen) Lines() []string {
	s.t.Helper()
	require.NoError(s.t, s.TTY.Close())
	s.WaitForEnd()
	var lines []string
	for i, part := range strings.Split(Uncoloured(s.String()), "\x1b[J") {
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
