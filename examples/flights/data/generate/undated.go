package main

import (
	"encoding/json"
	"fmt"
	"math"
)

// undatedFlights returns a table with all flights of flights-200k.json. Its times are
// hours with fractions, each exactly h + m*(1/60) in floating point for a whole
// minute m, so the minute of the day represents them without loss.
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
			return nil, fmt.Errorf("row %d: the time %v is not a whole minute", i, flight.Time)
		}
		minutes[i], delays[i], distances[i] = minute, flight.Delay, flight.Distance
	}
	t.delta("minute", minutes)
	t.plain("delay", delays)
	t.plain("distance", distances)
	return t.encode()
}

// hours returns the time of day as in flights-200k.json, to the last bit.
func hours(minute int64) float64 {
	// These are variables, because Go computes constant expressions exactly.
	h, m, sixtieth := float64(minute/60), float64(minute%60), 1/float64(60)
	fraction := m * sixtieth
	return h + float64(fraction)
}
