package view

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
)

func TestTimesAreRelativeOnATerminalAndRFC3339Elsewhere(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	terminal := &Printer{terminal: true, now: func() time.Time { return now }}
	pipe := &Printer{now: terminal.now}
	for ago, want := range map[time.Duration]string{
		3*time.Minute + 4*time.Second: "3m 4s ago", 50 * time.Hour: "2d 2h ago", 0: "just now", 900 * time.Millisecond: "just now",
		-5 * time.Minute: "in 5m", -900 * time.Millisecond: "just now",
	} {
		assert.Equal(t, want, terminal.when(model.TimeOf(now.Add(-ago))))
	}
	assert.Equal(t, "2026-10-01T05:57:00Z", pipe.when(model.TimeOf(now.Add(-3*time.Minute))))
	assert.Equal(t, "-", pipe.when(model.Time{}))
	assert.Equal(t, "-", terminal.when(model.Time{}))
	assert.Equal(t, "at 2026-10-01T06:00:00Z", pipe.at(model.TimeOf(now)))
	assert.Equal(t, "just now", terminal.at(model.TimeOf(now)))
}
