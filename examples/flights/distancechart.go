package flights

import "github.com/ntxdev/jobsystem/examples/flights/internal/chart"

// drawDistances draws the delay by distance.
func drawDistances(f *Figures, _ *Ranking, _ int) ([]byte, error) {
	spreads := make([]Spread, len(f.Distances))
	x, shares := make([]float64, len(f.Distances)), make([]float64, len(f.Distances))
	for i, distance := range f.Distances {
		spreads[i] = distance.Spread
		x[i], shares[i] = float64(distance.Miles), 100*distance.Share()
	}
	minutes := delayPanel(spreads)
	minutes.YMin, minutes.YMax = -36, 45
	minutes.YTicks = numberTicks(-30, -15, 0, 15, 30, 45)
	return chart.Panels{
		Label: "Two line charts of arrival delay by distance: median and spread in minutes, and the share of late flights.",
		X:     x, XMin: 0, XMax: 2700, XTitle: "distance in miles; each point is a band of 250 miles, the last one is open",
		XTicks: numberTicks(0, 500, 1000, 1500, 2000, 2500),
		Panels: []chart.Panel{minutes, {
			Title: "Share of flights that arrive more than 15 minutes late",
			YMin:  0, YMax: 30, YTicks: percentTicks(0, 10, 20, 30),
			Lines: []chart.Line{{Y: shares, Color: chart.Late, Width: 2, Dots: true}},
		}},
	}.SVG()
}
