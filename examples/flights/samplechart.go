package flights

import "github.com/ntxdev/jobsystem/examples/flights/internal/chart"

// drawSamples compares the undated sample with the dated flights of January to
// March, from which it seems to be.
func drawSamples(f *Figures, _ *Ranking, _ int) ([]byte, error) {
	hours := f.Hours[firstHour : lastHour+1]
	x, dated, undated := make([]float64, len(hours)), make([]float64, len(hours)), make([]float64, len(hours))
	for i, hour := range hours {
		x[i] = float64(firstHour+i) + 0.5
		dated[i], undated[i] = 100*hour.FirstQuarter.Share(), 100*hour.Undated.Share()
	}
	return chart.Panels{
		Label: "Line chart of the share of late flights by hour of departure in two samples, which agree.",
		X:     x, XMin: firstHour, XMax: lastHour + 1, XTicks: hourTicks, XTitle: "hour of departure, local time",
		Panels: []chart.Panel{{
			Title: "Share of flights that arrive more than 15 minutes late, in two samples",
			YMin:  0, YMax: 50, YTicks: percentTicks(0, 10, 20, 30, 40, 50),
			Lines: []chart.Line{
				{Y: dated, Color: chart.OnTime, Width: 2, Text: "dated, Jan to March"},
				{Y: undated, Color: chart.Late, Dots: true, Text: "undated"},
			},
		}},
	}.SVG()
}
