package progress

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

const day = 24 * time.Hour

// Humanize formats d for people, in one or two units: "0ms", "850ms", "4.2s",
// "1m 5s", "2h 3m", "3d 4h". It rounds to the smaller unit (seconds to a tenth),
// half away from zero, and omits a part that is zero: "4s", "2h". A rounded part
// is always smaller than the next unit: 60 seconds are "1m", never "60s". A
// negative duration starts with "-".
func Humanize(d time.Duration) string {
	if d < 0 {
		return humanizeNegative(d)
	}
	// Each unit rounds the original d: rounding a rounded value again could
	// change it by more than half a unit.
	if r := d.Round(time.Millisecond); r < time.Second {
		return strconv.FormatInt(r.Milliseconds(), 10) + "ms"
	}
	if r := d.Round(100 * time.Millisecond); r < time.Minute {
		return strconv.FormatFloat(r.Seconds(), 'f', -1, 64) + "s"
	}
	if r := d.Round(time.Second); r < time.Hour {
		return formatUnits(r, time.Minute, "m", time.Second, "s")
	}
	if r := d.Round(time.Minute); r < day {
		return formatUnits(r, time.Hour, "h", time.Minute, "m")
	}
	return formatUnits(d.Round(time.Hour), day, "d", time.Hour, "h")
}

func humanizeNegative(d time.Duration) string {
	// -math.MinInt64 overflows.
	text := Humanize(-max(d, -math.MaxInt64))
	if text == "0ms" {
		return text
	}
	return "-" + text
}

// formatUnits formats d as a number of large units and, unless it is zero, a
// number of small ones.
func formatUnits(d, large time.Duration, largeUnit string, small time.Duration, smallUnit string) string {
	text := strconv.FormatInt(int64(d/large), 10) + largeUnit
	if rest := d % large / small; rest > 0 {
		text += " " + strconv.FormatInt(int64(rest), 10) + smallUnit
	}
	return text
}

// HumanizeRange formats a range of durations for people, in one unit: "3-5 min", "40-55 s",
// "2-3 h", "4-6 d". It rounds both to the largest unit of which high has at least two and low
// at least half of one. If that makes them equal, it returns [Humanize] of low.
func HumanizeRange(low, high time.Duration) string {
	unit, name := time.Second, "s"
	switch {
	case high >= 2*day && low >= day/2:
		unit, name = day, "d"
	case high >= 2*time.Hour && low >= time.Hour/2:
		unit, name = time.Hour, "h"
	case high >= 2*time.Minute && low >= time.Minute/2:
		unit, name = time.Minute, "min"
	}
	from, to := max(0, low).Round(unit)/unit, high.Round(unit)/unit
	if from >= to {
		return Humanize(low)
	}
	return fmt.Sprintf("%d-%d %s", from, to, name)
}
