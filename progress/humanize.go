package progress

import (
	"math"
	"strconv"
	"time"
)

const day = 24 * time.Hour

// Humanize returns d for a person to read, in one or two units: "0ms", "850ms",
// "4.2s", "1m 5s", "2h 3m", "3d 4h". It rounds to the smaller unit (seconds to
// a tenth), half away from zero, and leaves out a part that is zero: "4s",
// "2h". A rounded part is never as large as the next unit: there is no "60s".
// A negative duration has a "-" before it.
func Humanize(d time.Duration) string {
	if d < 0 {
		return negative(d)
	}
	// Each unit is tried with d as it came: rounding what is rounded already
	// could move it by more than half a unit.
	if r := d.Round(time.Millisecond); r < time.Second {
		return strconv.FormatInt(r.Milliseconds(), 10) + "ms"
	}
	if r := d.Round(100 * time.Millisecond); r < time.Minute {
		return strconv.FormatFloat(r.Seconds(), 'f', -1, 64) + "s"
	}
	if r := d.Round(time.Second); r < time.Hour {
		return pair(r, time.Minute, "m", time.Second, "s")
	}
	if r := d.Round(time.Minute); r < day {
		return pair(r, time.Hour, "h", time.Minute, "m")
	}
	return pair(d.Round(time.Hour), day, "d", time.Hour, "h")
}

func negative(d time.Duration) string {
	// The smallest duration has no positive counterpart.
	text := Humanize(-max(d, -math.MaxInt64))
	if text == "0ms" {
		return text
	}
	return "-" + text
}

// pair returns d as a count of large and, if any is left, a count of small.
func pair(d, large time.Duration, largeUnit string, small time.Duration, smallUnit string) string {
	text := strconv.FormatInt(int64(d/large), 10) + largeUnit
	if rest := d % large / small; rest > 0 {
		text += " " + strconv.FormatInt(int64(rest), 10) + smallUnit
	}
	return text
}
