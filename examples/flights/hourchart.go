package flights

import "github.com/ntxdev/jobsystem/examples/flights/internal/chart"

// firstHour and lastHour limit the charts by hour. Before 5 am there are few flights,
// and many of those were planned for the evening before.
const firstHour, lastHour = 5, 23

var hourTicks = []chart.Tick{
	{At: 6, Text: "6 am"}, {At: 9, Text: "9 am"}, {At: 12, Text: "noon"}, {At: 15, Text: "3 pm"},
	{At: 18, Text: "6 pm"}, {At: 21, Text: "9 pm"}, {At: 24, Text: "midnight"},
}

// drawHours draws the distribution of the delay and the share of late flights by
// hour of departure.
func drawHours(f *Figures, _ *Ranking, _ int) ([]byte, error) {
	hours := f.Hours[firstHour : lastHour+1]
	spreads := make([]Spread, len(hours))
	x, shares, planned := make([]float64, len(hours)), make([]float64, len(hours)), make([]float64, len(hours))
	for i, hour := range hours {
		spreads[i] = hour.Spread
		x[i] = float64(firstHour+i) + 0.5
		shares[i], planned[i] = 100*hour.Share(), 100*hour.Planned.Share()
	}
	minutes := delayPanel(spreads)
	minutes.YMin, minutes.YMax = -20, 130
	minutes.YTicks = numberTicks(0, 30, 60, 90, 120)
	return chart.Panels{
		Label: "Two line charts of arrival delay by hour of departure: median and spread in minutes, and the share of late flights.",
		X:     x, XMin: firstHour, XMax: lastHour + 1, XTicks: hourTicks, XTitle: "hour of departure, local time",
		Panels: []chart.Panel{minutes, {
			Title: "Share of flights that arrive more than 15 minutes late",
			YMin:  0, YMax: 45, YTicks: percentTicks(0, 10, 20, 30, 40),
			Lines: []chart.Line{
				{Y: planned, Color: chart.Muted, Width: 1.2, Dashed: true, Text: "moved to planned hour"},
				{Y: shares, Color: chart.Late, Width: 2, Dots: true, Text: "by hour of departure"},
			},
		}},
	}.SVG()
}

// delayPanel draws the distribution of delays for each value of the x axis.
func delayPanel(spreads []Spread) chart.Panel {
	values := func(of func(Spread) int) []float64 {
		values := make([]float64, len(spreads))
		for i, spread := range spreads {
			values[i] = float64(of(spread))
		}
		return values
	}
	p10 := values(func(s Spread) int { return s.P10 })
	p25 := values(func(s Spread) int { return s.P25 })
	median := values(func(s Spread) int { return s.Median })
	p75 := values(func(s Spread) int { return s.P75 })
	p90 := values(func(s Spread) int { return s.P90 })
	return chart.Panel{
		Title: "Arrival delay in minutes (below 0 is early)",
		Bands: []chart.Band{{Low: p10, High: p90, Color: chart.LateBand}, {Low: p25, High: p75, Color: chart.LateCore}},
		Lines: []chart.Line{
			{Y: p10, Color: chart.Muted, Text: "1 in 10 is earlier"},
			{Y: p25, Color: chart.Muted, Text: "1 in 4 is earlier"},
			{Y: median, Color: chart.Late, Width: 2, Text: "median"},
			{Y: p75, Color: chart.Muted, Text: "1 in 4 is later"},
			{Y: p90, Color: chart.Muted, Text: "1 in 10 is later"},
		},
	}
}

func numberTicks(at ...int) []chart.Tick {
	ticks := make([]chart.Tick, len(at))
	for i, value := range at {
		ticks[i] = chart.Tick{At: float64(value), Text: formatInt(value)}
	}
	return ticks
}

func percentTicks(at ...int) []chart.Tick {
	ticks := numberTicks(at...)
	for i := range ticks {
		ticks[i].Text += "%"
	}
	return ticks
}

// shareTicks returns ticks labelled in percent for an axis of shares, 0 to 1.
func shareTicks(percents ...int) []chart.Tick {
	ticks := percentTicks(percents...)
	for i := range ticks {
		ticks[i].At /= 100
	}
	return ticks
}
