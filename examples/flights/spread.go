package flights

import (
	"math"
	"slices"
)

// Count says how many flights there are and how many of them arrived more than
// 15 minutes late.
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

// Share is the share of flights that were late, 0 to 1; 0 of no flights.
func (c Count) Share() float64 {
	if c.Flights == 0 {
		return 0
	}
	return float64(c.Late) / float64(c.Flights)
}

// Spread describes the arrival delays of some flights, in minutes: half of them
// arrived at most Median late, nine in ten at most P90.
type Spread struct {
	Count
	P10    int `json:"p10"`
	P25    int `json:"p25"`
	Median int `json:"median"`
	P75    int `json:"p75"`
	P90    int `json:"p90"`
}

// spreadOf sorts the delays.
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

// quantile is the smallest value that at least the share q of the sorted values
// do not exceed: always one of the values. It is the zero value of none.
func quantile[T any](sorted []T, q float64) T {
	if len(sorted) == 0 {
		return *new(T)
	}
	// The difference keeps 0.9*10, which is a little more than 9, from being
	// rounded up to 10.
	place := int(math.Ceil(q*float64(len(sorted))-1e-9)) - 1
	return sorted[min(max(place, 0), len(sorted)-1)]
}
