package flights

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/ntxdev/jobsystem/examples/flights/internal/chart"
)

// mapFlights is the number of flights that an airport needs to be coloured on the
// map.
const mapFlights = 250

// drawMap draws all airports on a map.
func drawMap(f *Figures, r *Ranking, _ int) ([]byte, error) {
	rings, err := stateRings()
	if err != nil {
		return nil, err
	}
	us := chart.Map{
		Label: "Map of the United States with a dot for each airport, larger with more flights, darker with more late ones.",
		Rings: rings,
		Ramp: chart.Ramp{
			Low: 0.10, High: 0.30, Title: "departures that arrived late",
			Ticks: shareTicks(10, 15, 20, 25, 30),
		},
		SizesTitle: fmt.Sprintf("flights in the sample (grey: under %d)", mapFlights),
		Sizes:      []chart.Dot{{Size: 250, Text: "250"}, {Size: 1000, Text: "1,000"}, {Size: 5000, Text: "5,000"}},
	}
	for i, airport := range f.mapOrder(r) {
		dot := chart.Dot{
			At:   chart.LonLat{Lon: airport.Longitude, Lat: airport.Latitude},
			Size: float64(airport.Flights), Value: airport.Share(), LeaderLine: i < namedOnMap,
		}
		if airport.Flights < mapFlights {
			dot.Value = math.NaN()
		}
		if airport.Flights >= minFlights {
			dot.Text = airport.Code
		}
		us.Dots = append(us.Dots, dot)
	}
	return us.SVG()
}

// namedOnMap is the number of airports, from the top of the ranking, whose names are
// on the map even where there is no room beside the dot.
const namedOnMap = 10

// mapOrder returns the airports in the order in which their names are placed: first
// the top of the ranking, then the others in descending order of their flights.
func (f *Figures) mapOrder(r *Ranking) []AirportFigures {
	latest, _ := r.firstAndLast(namedOnMap)
	rank := make(map[string]int, len(latest))
	for i, place := range latest {
		rank[place.Code] = i - len(latest)
	}
	airports := slices.Clone(f.Airports)
	slices.SortStableFunc(airports, func(a, b AirportFigures) int {
		return cmp.Or(cmp.Compare(rank[a.Code], rank[b.Code]), cmp.Compare(b.Flights, a.Flights))
	})
	return airports
}

// stateRings returns the outlines of the states. data/README.md describes the
// format.
func stateRings() ([][]chart.LonLat, error) {
	content, err := embeddedFile(statesFile)
	if err != nil {
		return nil, err
	}
	var states []struct {
		State int     `json:"state"`
		Rings [][]int `json:"rings"` // longitude, latitude, ... in hundredths of a degree
	}
	if err := json.Unmarshal(content, &states); err != nil {
		return nil, fmt.Errorf("%s: %w", statesFile, err)
	}
	var rings [][]chart.LonLat
	for _, state := range states {
		for _, flat := range state.Rings {
			ring := make([]chart.LonLat, 0, len(flat)/2)
			for pair := range slices.Chunk(flat, 2) {
				ring = append(ring, chart.LonLat{Lon: float64(pair[0]) / 100, Lat: float64(pair[1]) / 100})
			}
			rings = append(rings, ring)
		}
	}
	return rings, nil
}
