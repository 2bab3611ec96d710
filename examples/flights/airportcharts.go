package flights

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/ntxdev/jobsystem/examples/flights/internal/chart"
)

// drawRanking draws both ends of the ranking with confidence intervals.
func drawRanking(f *Figures, r *Ranking, top int) ([]byte, error) {
	airports := f.byCode()
	first, last := r.firstAndLast(top)
	low, high := r.All.Low, r.All.High
	row := func(p Place) chart.IntervalRow {
		airport := airports[p.Code]
		low, high = min(low, p.Share.Low, airport.Expected), max(high, p.Share.High, airport.Expected)
		return chart.IntervalRow{
			Text: airport.Label(), Value: p.Share.Share, Low: p.Share.Low, High: p.Share.High, Mark: airport.Expected,
			Note: fmt.Sprintf("%s (%d–%d)", percent(p.Share.Share), p.RankLow, p.RankHigh),
		}
	}
	late := chart.IntervalGroup{Title: fmt.Sprintf("The %d latest", len(first)), Color: chart.Late}
	for _, place := range first {
		late.Rows = append(late.Rows, row(place))
	}
	punctual := chart.IntervalGroup{Title: fmt.Sprintf("The %d most punctual", len(last)), Color: chart.OnTime}
	for _, place := range last {
		punctual.Rows = append(punctual.Rows, row(place))
	}
	figure := chart.Intervals{
		Label:  "Airports with the greatest and the smallest share of late departures, with confidence intervals.",
		Groups: []chart.IntervalGroup{late, punctual},
		XMin:   math.Floor(low*20) / 20, XMax: math.Ceil(high*20) / 20,
		Line: r.All.Share, LineText: "all flights " + percent(r.All.Share), MarkText: "as its hours suggest",
		NoteTitle: "share (rank)",
	}
	for tick := figure.XMin; tick < figure.XMax+0.01; tick += 0.05 {
		figure.XTicks = append(figure.XTicks, chart.Tick{At: tick, Text: fmt.Sprintf("%.0f%%", 100*tick)})
	}
	return figure.SVG()
}

// gridAirports is the number of airports in the table by hour, gridFlights the
// number of flights that an hour needs to be coloured.
const gridAirports, gridFlights = 30, 25

// drawAirportHours draws the share of late flights by hour at the airports with
// the most flights.
func drawAirportHours(f *Figures, _ *Ranking, _ int) ([]byte, error) {
	grid := chart.Grid{
		Label:      "Table of the 30 busiest airports by hour of departure, coloured by the share of late flights.",
		NotesTitle: "all day", Ramp: shareRamp(), RowHeight: 15.5, LabelWidth: 134,
	}
	for hour := firstHour; hour <= lastHour; hour++ {
		name := ""
		if hour%3 == 0 {
			name = clock(hour)
		}
		grid.Columns = append(grid.Columns, name)
	}
	for _, airport := range f.busiest(gridAirports) {
		row := chart.GridRow{Text: airport.Label(), Note: percent(airport.Share())}
		for _, count := range airport.Hours[firstHour : lastHour+1] {
			value := math.NaN()
			if count.Flights >= gridFlights {
				value = count.Share()
			}
			row.Values = append(row.Values, value)
		}
		grid.Rows = append(grid.Rows, row)
	}
	return grid.SVG()
}

// busiest returns the n airports with the most flights, in descending order of their
// share of late flights.
func (f *Figures) busiest(n int) []AirportFigures {
	airports := slices.Clone(f.Airports)
	slices.SortStableFunc(airports, func(a, b AirportFigures) int { return cmp.Compare(b.Flights, a.Flights) })
	airports = airports[:min(n, len(airports))]
	slices.SortStableFunc(airports, func(a, b AirportFigures) int { return cmp.Compare(b.Share(), a.Share()) })
	return airports
}
