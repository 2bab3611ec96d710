package view

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/capture"
	"github.com/ntxdev/jobsystem/model"
)

func TestWarningsStandAboveTheBars(t *testing.T) {
	t.Setenv("TERM", "xterm")
	screen := capture.NewScreen(t, 80, 24)
	beside := capture.NewStream(t)
	v := newBars(NewPrinter(screen.TTY, time.Now), beside)
	_, _ = fmt.Fprintln(v, "before")
	require.NoError(t, v.Update(&model.JobView{Name: "An order", Status: model.Succeeded, Percent: 100}))
	_, _ = fmt.Fprintln(v, "during")
	screen.WaitFor("An order")
	v.Close()
	_, _ = fmt.Fprintln(v, "after")

	lines := screen.Lines()
	require.Len(t, lines, 2, lines)
	assert.Equal(t, "during", lines[0])
	assert.Contains(t, lines[1], "An order")
	assert.Equal(t, "before\nafter\n", beside.String())
}
