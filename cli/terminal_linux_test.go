package cli

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/capture"
)

func TestOnATerminalBarsAreDrawnAndStay(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, size := range []struct{ width, height uint16 }{{100, 30}, {30, 30}, {100, 5}, {20, 3}} {
		t.Run(fmt.Sprintf("%d by %d", size.width, size.height), func(t *testing.T) {
			f := setup(t)
			screen := capture.NewScreen(t, size.width, size.height)
			id := f.enqueue(`{"wait":"pack"}`, "--name", "An order")
			f.opts.Stdout = screen.TTY
			watch := f.start("watch", id)
			screen.WaitFor("  0%")
			f.opts.Stdout = nil
			w := f.worker()
			f.entersStep("pack")
			screen.WaitFor("at work on pack")
			close(f.shop.open)
			require.Equal(t, ExitOK, watch.wait().code)
			w.signal(os.Interrupt)
			w.wait()

			lines := screen.Lines()
			assert.Contains(t, lines[0], "An order")
			assert.Contains(t, lines[0], "100%")
			assert.Len(t, lines, 1+max(0, min(3, int(size.height)-4)))
			for _, line := range lines[1:] {
				assert.Regexp(t, `^  ✓ (pick|pack|ship)`, line)
			}
		})
	}
}
