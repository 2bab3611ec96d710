package flights

import (
	"context"
	"fmt"
)

// Cleaned is what Clean has kept, and what it has dropped and why.
type Cleaned struct {
	Flights File      `json:"flights"`
	Dated   int       `json:"dated"`
	Undated int       `json:"undated"`
	Dropped []Dropped `json:"dropped"`
}

// Dropped counts the flights that broke one rule. Undated is nil if the rule
// needs what the undated sample does not have.
type Dropped struct {
	Rule    string `json:"rule"`
	Why     string `json:"why"`
	Dated   int    `json:"dated"`
	Undated *int   `json:"undated"`
}

// cleaned is the data that can be counted on: Origin and Destination of the
// dated sample point into Airports.
type cleaned struct {
	Dated, Undated Sample
	Airports       []Airport
}

// Clean drops the flights that cannot be as they are recorded. It reports
// flights.
func Clean(ctx context.Context, w *Work, loaded Loaded, report Reporter) (Cleaned, error) {
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
	dated, datedDrops, err := sift(ctx, &data.Dated, rulesFor(data), func(done int) { report(done, total) })
	if err != nil {
		return nil, nil, err
	}
	undated, undatedDrops, err := sift(ctx, &data.Undated, rulesFor(data), func(done int) {
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
	kept.pointInto(data.Codes)
	return kept, dropped, nil
}

// sift returns the flights that break no rule, and how many broke each.
func sift(ctx context.Context, s *Sample, rules []rule, report func(done int)) (*Sample, []int, error) {
	const often = 10_000
	kept, drops := &Sample{}, make([]int, len(rules))
flights:
	for i := range s.Len() {
		if i%often == 0 {
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
		kept.keep(s, i)
	}
	report(s.Len())
	return kept, drops, nil
}

// pointInto turns places in a list of codes into places in the list of airports.
func (c *cleaned) pointInto(codes []string) {
	place := make(map[string]int32, len(c.Airports))
	for i, airport := range c.Airports {
		place[airport.Code] = int32(i)
	}
	for i := range c.Dated.Len() {
		c.Dated.Origin[i] = place[codes[c.Dated.Origin[i]]]
		c.Dated.Destination[i] = place[codes[c.Dated.Destination[i]]]
	}
}
