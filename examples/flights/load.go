package flights

import (
	"context"
	"fmt"
	"slices"
)

// Loaded is the result of Load.
type Loaded struct {
	Raw      File `json:"raw"`
	Dated    int  `json:"dated"`
	Undated  int  `json:"undated"`
	Airports int  `json:"airports"`
}

// raw is the decoded data, before Clean.
type raw struct {
	Dated, Undated Sample
	// Codes lists the codes of airports: the dated sample's Origin and Destination
	// are indexes in it. Not every code is necessarily one of the Airports.
	Codes    []string
	Airports []Airport
}

// Load decompresses the embedded data, checks its checksums and row counts, and
// writes it to the work directory. It reports progress in four parts.
func Load(ctx context.Context, w *WorkDir, report Reporter) (Loaded, error) {
	data, err := decodeData(ctx, report)
	if err != nil {
		return Loaded{}, fmt.Errorf("load flights: %w", err)
	}
	file, err := saveGob(ctx, w, "raw.gob", data)
	if err != nil {
		return Loaded{}, err
	}
	report(4, 4)
	return Loaded{
		Raw: file, Dated: data.Dated.Len(), Undated: data.Undated.Len(), Airports: len(data.Airports),
	}, nil
}

func decodeData(ctx context.Context, report Reporter) (*raw, error) {
	data := &raw{}
	parts := []func() error{data.decodeDated, data.decodeUndated, data.decodeAirports}
	for done, part := range parts {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err := part(); err != nil {
			return nil, err
		}
		report(done+1, len(parts)+1)
	}
	return data, nil
}

func (r *raw) decodeDated() error {
	c, err := embeddedColumns(datedFile, datedFlights, "minute", "delay", "distance", "origin", "destination")
	if err != nil {
		return err
	}
	if !slices.Equal(c[3].words, c[4].words) {
		return fmt.Errorf("%s: origin and destination have different word lists", datedFile)
	}
	r.Dated = Sample{
		Minute: c[0].values, Delay: c[1].values, Miles: c[2].values,
		Origin: c[3].values, Destination: c[4].values,
	}
	r.Codes = c[3].words
	return nil
}

func (r *raw) decodeUndated() error {
	c, err := embeddedColumns(undatedFile, undatedFlights, "minute", "delay", "distance")
	if err != nil {
		return err
	}
	r.Undated = Sample{Minute: c[0].values, Delay: c[1].values, Miles: c[2].values}
	return nil
}

func (r *raw) decodeAirports() error {
	content, err := embeddedFile(airportsFile)
	if err != nil {
		return err
	}
	if r.Airports, err = readAirports(content); err != nil {
		return fmt.Errorf("%s: %w", airportsFile, err)
	}
	return nil
}
