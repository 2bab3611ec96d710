package proof

import (
	"time"

	"golang.org/x/sys/unix"
)

// Moment is a time by the clock that all processes of the machine share and that cannot be
// set: CLOCK_MONOTONIC, in nanoseconds.
type Moment int64

// Now returns the present moment.
func Now() Moment {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // each Linux has it
	}
	return Moment(now.Nano())
}

// Sub returns the time from an earlier moment to m.
func (m Moment) Sub(earlier Moment) time.Duration { return time.Duration(m - earlier) }
