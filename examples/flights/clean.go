package flights

import (
	"context"
	"fmt"
)

// Cleaned is the result of Clean: the flights it kept, and the number it dropped
// by each rule.
type Cleaned struct {
	Flights File      `json:"flights"`
	Dated   int       `json:"dated"`
	Undated int       `json:"undated"`
	Dropped []Dropped `json:"dropped"`
}

// Dropped counts the flights that break one rule. Undated is nil if the rule needs
// data that the undated sample does not have.
type Dropped struct {
	Rule    string `json:"rule"`
	Why     string `json:"why"`
	Dated   int    `json:"dated"`
	Undated *int   `json:"undated"`
}

// cleaned is the data without the dropped flights. Origin and Destination of the
// dated sample are indexes in Airports.
type cleaned struct {
	Dated, Undated Sample
	Airports       []Airport
}

// Clean drops the flights whose data is impossible. It reports progress in flights.
func Clean(ctx context.Context, w *WorkDir, loaded Loaded, report Reporter) (Cleaned, error) {
	data, err := loadGob[raw](w, loaded.Raw)
	if err != nil {
		return Cleaned{}, err
	}
	kept, dropped, err := clean(ctx, data, report)
	if err != nil {
		return Cleaned{}, fmt.Errorf("clean flights: %w", err)
	}
	file, err := saveGob(ctx, w, "clean.gob", kept)
	if err != nil {
		return Cleaned{}, err
	}
	return Cleaned{Flights: file, Dated: kept.Dated.Len(), Undated: kept.Undated.Len(), Dropped: dropped}, nil
}

func clean(ctx context.Context, data *raw, report Reporter) (*cleaned, []Dropped, error) {
	total := data.Dated.Len() + data.Undated.Len()
	dated, datedDrops, err := filterFlights(ctx, &data.Dated, rulesFor(data), func(done int) { report(done, total) })
	if err != nil {
		return nil, nil, err
	}
	undated, undatedDrops, err := filterFlights(ctx, &data.Undated, rulesFor(data), func(done int) {
		report(data.Dated.Len()+done, total)
	})
	if err != nil {
		return nil, nil, err
	}
	var dropped []Dropped
	for i, rule := range rulesFor(data) {
		d := Dropped{Rule: rule.name, Why: rule.why, Dated: datedDrops[i]}
		if !rule.dated {
			d.Undated = &undatedDrops[i]
		}
		dropped = append(dropped, d)
	}
	kept := &cleaned{Dated: *dated, Undated: *undated, Airports: data.Airports}
	kept.indexAirports(data.Codes)
	return kept, dropped, nil
}

// filterFlights returns the flights that break no rule, and the number of flights
// that each rule dropped.
func filterFlights(ctx context.Context, s *Sample, rules []rule, report func(done int)) (*Sample, []int, error) {
	const reportEvery = 10_000
	kept, drops := &Sample{}, make([]int, len(rules))
flights:
	for i := range s.Len() {
		if i%reportEvery == 0 {
			if err := context.Cause(ctx); err != nil {
				return nil, nil, err
			}
			report(i)
		}
		for r, rule := range rules {
			if (s.Dated() || !rule.dated) && rule.breaks(s, i) {
				drops[r]++
				continue flights
			}
		}
		kept.appendFrom(s, i)
	}
	report(s.Len())
	return kept, drops, nil
}

// indexAirports replaces the indexes in codes by indexes in Airports.
func (c *cleaned) indexAirports(codes []string) {
	index := make(map[string]int32, len(c.Airports))
	for i, airport := range c.Airports {
		index[airport.Code] = int32(i)
	}
	for i := range c.Dated.Len() {
		c.Dated.Origin[i] = index[codes[c.Dated.Origin[i]]]
		c.Dated.Destination[i] = index[codes[c.Dated.Destination[i]]]
	}
}
