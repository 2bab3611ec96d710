package flights

import (
	"fmt"
	"html/template"
)

type tile struct{ Value, Text string }

type section struct {
	Heading  string
	Findings []string
	Chart    template.HTML
	Caption  string
}

func tiles(f findings) []tile {
	all := f.figures.Dated
	places := f.ranking.Places
	least, most := f.hourRange(func(h Hour) float64 { return h.Share() })
	return []tile{
		{percent(all.Share()), "of flights arrived more than 15 minutes late"},
		{fmt.Sprintf("%d min", all.P90), "is the delay that one flight in ten exceeds"},
		{fmt.Sprintf("%.1f×", f.figures.Hours[most].Share()/f.figures.Hours[least].Share()),
			fmt.Sprintf("as many of the flights from %s were late as of those from %s", during(most), during(least))},
		{percent(places[0].Share.Share), "of departures late at " + f.figures.byCode()[places[0].Code].Label() + ", the most of all"},
	}
}

// sections returns the sections of the page with their findings and charts.
func sections(w *WorkDir, f findings, charted Charted) ([]section, error) {
	svg := map[string]template.HTML{}
	for _, chart := range charted.Charts {
		content, err := w.load(chart.File)
		if err != nil {
			return nil, err
		}
		svg[chart.Name] = template.HTML(content) //nolint:gosec // made by internal/chart, which escapes its texts
	}
	for _, drawing := range drawings {
		if svg[drawing.name] == "" {
			return nil, fmt.Errorf("write page: no chart %q", drawing.name)
		}
	}
	return []section{{
		Heading: "Delay grows through the day", Findings: f.hours(), Chart: svg[hoursChart],
		Caption: "Arrival delay by the hour in which a flight left. The dark band holds the middle half of the flights, " +
			"both bands together eight in ten.",
	}, {
		Heading: "The end of the week, and runs of bad days", Findings: f.calendar(), Chart: svg[calendarChart],
		Caption: "Each cell is a day, each column a week that begins on the Monday written above it. " +
			"The colour is the share of that day’s flights that arrived more than 15 minutes late.",
	}, {
		Heading: "Some airports are later than others", Findings: f.airports(), Chart: svg[rankingChart],
		Caption: "Share of departures that arrived more than 15 minutes late, with intervals of 95%. " +
			"In brackets: between which ranks the airport was in 95 of 100 resamples. " +
			"Diamonds: the share to be expected from the hours at which its flights leave.",
	}, {
		Findings: f.places(), Chart: svg[mapChart],
		Caption: "A dot is an airport, its area the number of departures in the sample. " +
			"Alaska, Hawaii, and Puerto Rico with the Virgin Islands are not to scale.",
	}, {
		Heading: "The evening is late nearly everywhere", Findings: f.airportHours(), Chart: svg[airportChart],
		Caption: fmt.Sprintf("The %d busiest airports, the latest on top. The colour is the share of the flights leaving in that hour "+
			"that arrived more than 15 minutes late; hours with fewer than %d flights are left empty.", gridAirports, gridFlights),
	}, {
		Heading: "Distance hardly matters", Findings: f.distances(), Chart: svg[distancesChart],
		Caption: "Arrival delay by distance. The dark band holds the middle half of the flights, both bands together eight in ten.",
	}, {
		Heading: "A second sample agrees", Findings: f.samples(), Chart: svg[samplesChart],
		Caption: "Line: the dated sample’s flights of January to March. Dots: the undated sample.",
	}}, nil
}

// method describes how the numbers were computed.
func method(f findings) []string {
	all, official := f.figures.Dated, f.figures.Official
	widest := f.figures.byCode()[f.ranking.Widest.Code]
	return []string{
		fmt.Sprintf("The numbers are about every fifteenth of the three million flights in flights-3m of vega-datasets, "+
			"in the order in which they left: %s flights. “Late” means to arrive more than 15 minutes after the planned time. "+
			"The Department of Transportation counts from 15 minutes on, which makes %s instead of %s.",
			thousands(all.Flights), percent(official.Share()), percent(all.Share())),
		"Delay is that of the arrival, and it is counted for the airport where the flight left. " +
			"Hours are those of the actual departure, by the clock at that airport. " +
			"Flights that were cancelled or diverted are not in the data, nor are airlines, planes and causes.",
		"A percentile is the smallest delay, in whole minutes, that at least so many flights do not exceed.",
		fmt.Sprintf("The intervals are a block bootstrap: %s times, a half-year of %d days was put together from blocks of %d days in a row "+
			"of the real one, drawn at random with replacement, and everything was counted again. "+
			"An interval holds the middle 95%% of the results. "+
			"This keeps the flights of a day together, the days of a storm, and the days of a week.",
			thousands(f.ranking.Resamples), days, blockDays),
		fmt.Sprintf("Had the flights been taken to be independent of each other, the intervals would be much too narrow: "+
			"by a factor of %.1f at the airport in the middle, and of %.1f at %s.",
			f.ranking.Widening, f.ranking.Widest.Times, widest.Label()),
	}
}
