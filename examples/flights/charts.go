package flights

import (
	"context"
	"fmt"
	"slices"
)

// Charted is the result of Charts.
type Charted struct {
	Charts []Chart `json:"charts"`
}

// Chart is one chart as SVG.
type Chart struct {
	Name string `json:"name"`
	File File   `json:"file"`
}

// drawing draws one chart of the report.
type drawing struct {
	name string
	svg  func(f *Figures, r *Ranking, top int) ([]byte, error)
}

// The names of the charts, by which the page refers to them.
const (
	hoursChart     = "hours"
	calendarChart  = "calendar"
	rankingChart   = "ranking"
	mapChart       = "map"
	airportChart   = "airport-hours"
	distancesChart = "distances"
	samplesChart   = "samples"
)

var drawings = []drawing{
	{hoursChart, drawHours},
	{calendarChart, drawCalendar},
	{rankingChart, drawRanking},
	{mapChart, drawMap},
	{airportChart, drawAirportHours},
	{distancesChart, drawDistances},
	{samplesChart, drawSamples},
}

// Charts draws the charts. The chart of the ranking shows top airports at each end.
// Charts reports progress in charts.
func Charts(ctx context.Context, w *WorkDir, aggregated Aggregated, ranked Ranked, top int, report Reporter) (Charted, error) {
	figures, ranking, err := loadResults(w, aggregated, ranked)
	if err != nil {
		return Charted{}, err
	}
	var out Charted
	for i, drawing := range drawings {
		if err := context.Cause(ctx); err != nil {
			return Charted{}, fmt.Errorf("draw charts: %w", err)
		}
		svg, err := drawing.svg(figures, ranking, top)
		if err != nil {
			return Charted{}, fmt.Errorf("chart %s: %w", drawing.name, err)
		}
		file, err := w.save(drawing.name+".svg", svg)
		if err != nil {
			return Charted{}, err
		}
		out.Charts = append(out.Charts, Chart{Name: drawing.name, File: file})
		report(i+1, len(drawings))
	}
	return out, nil
}

// loadResults reads the results of Aggregate and Bootstrap.
func loadResults(w *WorkDir, aggregated Aggregated, ranked Ranked) (*Figures, *Ranking, error) {
	figures, err := loadJSON[Figures](w, aggregated.Figures)
	if err != nil {
		return nil, nil, err
	}
	ranking, err := loadJSON[Ranking](w, ranked.Ranking)
	return figures, ranking, err
}

// byCode returns the airports by their codes.
func (f *Figures) byCode() map[string]AirportFigures {
	airports := make(map[string]AirportFigures, len(f.Airports))
	for _, airport := range f.Airports {
		airports[airport.Code] = airport
	}
	return airports
}

// firstAndLast returns the first and the last n places, fewer if they would overlap.
func (r *Ranking) firstAndLast(n int) (first, last []Place) {
	n = min(n, len(r.Places)/2)
	return slices.Clone(r.Places[:n]), slices.Clone(r.Places[len(r.Places)-n:])
}
