package main

import (
	"encoding/json"
	"fmt"
	"math"
)

// undatedFlights keeps all of flights-200k.json. Its times are hours and
// fractions, each of them h + m*(1/60) for a whole minute m in floating-point
// arithmetic, so the minute of the day holds them without loss.
func undatedFlights(pkg *npmPackage) ([]byte, error) {
	content, err := pkg.read("flights-200k.json")
	if err != nil {
		return nil, err
	}
	var flights []struct {
		Delay    int64   `json:"delay"`
		Distance int64   `json:"distance"`
		Time     float64 `json:"time"`
	}
	if err := json.Unmarshal(content, &flights); err != nil {
		return nil, err
	}
	t := table{rows: len(flights)}
	minutes := make([]int64, t.rows)
	delays := make([]int64, t.rows)
	distances := make([]int64, t.rows)
	for i, flight := range flights {
		minute := int64(math.Round(flight.Time * 60))
		if hours(minute) != flight.Time {
			return nil, fmt.Errorf("row %d: the time %v is no whole minute", i, flight.Time)
		}
		minutes[i], delays[i], distances[i] = minute, flight.Delay, flight.Distance
	}
	t.delta("minute", minutes)
	t.plain("delay", delays)
	t.plain("distance", distances)
	return t.pack()
}

// hours is the time of day as flights-200k.json writes it, to the last bit.
func hours(minute int64) float64 {
	// Variables, since constants would be computed exactly.
	h, m, sixtieth := float64(minute/60), float64(minute%60), 1/float64(60)
	fraction := m * sixtieth
	return h + float64(fraction)
}
