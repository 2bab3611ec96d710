package flights

import (
	"math"
	"slices"
)

// Count is the number of flights, and the number of those that arrived more than 15
// minutes late.
type Count struct {
	Flights int `json:"flights"`
	Late    int `json:"late"`
}

func (c *Count) add(delay int32) {
	c.Flights++
	if delay > lateAfter {
		c.Late++
	}
}

func (c *Count) merge(other Count) {
	c.Flights += other.Flights
	c.Late += other.Late
}

// Share returns the share of flights that were late, 0 to 1. It is 0 without
// flights.
func (c Count) Share() float64 {
	if c.Flights == 0 {
		return 0
	}
	return float64(c.Late) / float64(c.Flights)
}

// Spread describes the distribution of the arrival delays of some flights, in
// minutes: half of the flights have a delay of at most Median, nine in ten of at
// most P90.
type Spread struct {
	Count
	P10    int `json:"p10"`
	P25    int `json:"p25"`
	Median int `json:"median"`
	P75    int `json:"p75"`
	P90    int `json:"p90"`
}

// spreadOf returns the spread of delays. It sorts delays.
func spreadOf(delays []int32) Spread {
	slices.Sort(delays)
	var s Spread
	for _, delay := range delays {
		s.add(delay)
	}
	at := func(q float64) int { return int(quantile(delays, q)) }
	s.P10, s.P25, s.Median, s.P75, s.P90 = at(0.1), at(0.25), at(0.5), at(0.75), at(0.9)
	return s
}

// quantile returns the smallest of the sorted values that at least the share q of
// them do not exceed. Without values, it returns the zero value.
func quantile[T any](sorted []T, q float64) T {
	if len(sorted) == 0 {
		return *new(T)
	}
	// Subtract a little, so that 0.9*10, which is slightly more than 9 in floating
	// point, is not rounded up to 10.
	index := int(math.Ceil(q*float64(len(sorted))-1e-9)) - 1
	return sorted[min(max(index, 0), len(sorted)-1)]
}
