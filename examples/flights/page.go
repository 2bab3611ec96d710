package flights

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"
)

// ReportName is the name of the report in its directory.
const ReportName = "flights.html"

// Results is all that the report is made of.
type Results struct {
	Cleaned    Cleaned
	Aggregated Aggregated
	Ranked     Ranked
	Charted    Charted
}

// Written is the finished report.
type Written struct {
	// Path is where it is, relative to the root of the job's reports.
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Headline is its first sentence.
	Headline string `json:"headline"`
}

// WriteHTML writes the report to a path of the work directory's root, in place
// of the one that is there. The page is the same, byte for byte, for the same
// results and the same time, which it shows as the time it was generated. It
// reports three parts.
func WriteHTML(ctx context.Context, w *Work, in Results, target string, generated time.Time, report Reporter) (Written, error) {
	p, err := newPage(w, in, generated)
	if err != nil {
		return Written{}, err
	}
	report(1, 3)
	var html bytes.Buffer
	if err := pageTemplate.Execute(&html, p); err != nil {
		return Written{}, fmt.Errorf("write page: %w", err)
	}
	report(2, 3)
	if err := context.Cause(ctx); err != nil {
		return Written{}, err
	}
	if err := w.replace(target, html.Bytes()); err != nil {
		return Written{}, fmt.Errorf("write report: %w", err)
	}
	report(3, 3)
	return Written{
		Path: target, Bytes: html.Len(), SHA256: sumOf(html.Bytes()), Headline: p.Summary[0],
	}, nil
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page.html").Parse(pageText))

// page is what page.html shows.
type page struct {
	Title, Kicker          string
	Summary                []string
	Tiles                  []tile
	Sections               []section
	Method                 []string
	Dropped                []droppedRow
	KeptDated, KeptUndated string
	MinFlights             int
	Airports               []airportRow
	Generated              string
}

type tile struct{ Value, Text string }

type section struct {
	Heading  string
	Findings []string
	Chart    template.HTML
	Caption  string
}

type droppedRow struct{ Rule, Why, Dated, Undated string }

type airportRow struct {
	Rank                            int
	Name, Flights                   string
	Late, Interval, Ranks, Expected string
	Median, P90                     string
}

func newPage(w *Work, in Results, generated time.Time) (*page, error) {
	figures, ranking, err := results(w, in.Aggregated, in.Ranked)
	if err != nil {
		return nil, err
	}
	if len(ranking.Places) == 0 {
		return nil, fmt.Errorf("write page: the ranking is empty")
	}
	f := findings{figures, ranking}
	p := &page{
		Title:     "When flights run late",
		Kicker:    "Flights within the United States, January to June 2001",
		Summary:   f.summary(),
		Tiles:     tiles(f),
		Method:    method(f),
		Dropped:   droppedRows(in.Cleaned),
		KeptDated: thousands(in.Cleaned.Dated), KeptUndated: thousands(in.Cleaned.Undated),
		MinFlights: minFlights,
		Airports:   airportRows(f),
		Generated:  "Generated " + generated.UTC().Format("2 January 2006, 15:04") + " UTC by examples/flights of github.com/ntxdev/jobsystem.",
	}
	p.Sections, err = sections(w, f, in.Charted)
	return p, err
}

func tiles(f findings) []tile {
	all := f.figures.Dated
	places := f.ranking.Places
	least, most := f.hourRange(func(h Hour) float64 { return h.Share() })
	return []tile{
		{percent(all.Share()), "of flights arrived more than 15 minutes late"},
		{fmt.Sprintf("%d min", all.P90), "and more: how late one flight in ten was"},
		{fmt.Sprintf("%.1f×", f.figures.Hours[most].Share()/f.figures.Hours[least].Share()),
			fmt.Sprintf("as many of the flights from %s were late as of those from %s", during(most), during(least))},
		{percent(places[0].Share.Share), "of departures late at " + f.figures.byCode()[places[0].Code].Label() + ", the most of all"},
	}
}

// sections puts the findings and the figures together.
func sections(w *Work, f findings, charted Charted) ([]section, error) {
	svg := map[string]template.HTML{}
	for _, chart := range charted.Charts {
		content, err := w.load(chart.File)
		if err != nil {
			return nil, err
		}
		svg[chart.Name] = template.HTML(content) // made by internal/chart, which escapes its texts
	}
	all := []section{
		{"Delay grows through the day", f.hours(), svg[hoursChart],
			"Arrival delay by the hour in which a flight left. The dark band holds the middle half of the flights, both bands together eight in ten."},
		{"The end of the week, and runs of bad days", f.calendar(), svg[calendarChart],
			"Each cell is a day, each column a week that begins on the Monday written above it. The colour is the share of that day’s flights that arrived more than 15 minutes late."},
		{"Some airports are later than others", f.airports(), svg[rankingChart],
			"Share of departures that arrived more than 15 minutes late, with intervals of 95%. In brackets: between which ranks the airport was in 95 of 100 resamples. Diamonds: the share to be expected from the hours at which its flights leave."},
		{"", f.places(), svg[mapChart],
			"A dot is an airport, its area the number of departures in the sample. Alaska, Hawaii, and Puerto Rico with the Virgin Islands are not to scale."},
		{"The evening is late nearly everywhere", f.airportHours(), svg[airportChart],
			fmt.Sprintf("The %d busiest airports, the latest above. The colour is the share of the flights leaving in that hour that arrived more than 15 minutes late; hours with fewer than %d flights are left empty.", gridAirports, gridFlights)},
		{"Distance hardly matters", f.distances(), svg[distancesChart],
			"Arrival delay by distance. The dark band holds the middle half of the flights, both bands together eight in ten."},
		{"A second sample agrees", f.samples(), svg[samplesChart],
			"Line: the dated sample’s flights of January to March. Dots: the undated sample."},
	}
	for i, name := range []string{hoursChart, calendarChart, rankingChart, mapChart, airportChart, distancesChart, samplesChart} {
		if all[i].Chart == "" {
			return nil, fmt.Errorf("write page: there is no chart %q", name)
		}
	}
	return all, nil
}

func method(f findings) []string {
	all, official := f.figures.Dated, f.figures.Official
	return []string{
		fmt.Sprintf("The numbers are about every fifteenth of the three million flights in flights-3m of vega-datasets, in the order in which they left: %s flights. "+
			"“Late” means to arrive more than 15 minutes after the planned time. The Department of Transportation counts from 15 minutes on, which makes %s instead of %s.",
			thousands(all.Flights), percent(official.Share()), percent(all.Share())),
		"Delay is that of the arrival, and it is counted for the airport where the flight left. Hours are those of the actual departure, by the clock at that airport. " +
			"Flights that were cancelled or diverted are not in the data, nor are airlines, planes and causes.",
		"A percentile is the smallest delay, in whole minutes, that at least so many flights do not exceed.",
		fmt.Sprintf("The intervals are a block bootstrap: %s times, a half-year of %d days was put together from blocks of %d days in a row of the real one, drawn at random with replacement, "+
			"and everything was counted anew. An interval holds the middle 95%% of the results. This keeps the flights of a day together, the days of a storm, and the days of a week.",
			thousands(f.ranking.Resamples), days, block),
		fmt.Sprintf("Had the flights been taken to be independent of each other, the intervals would be much too narrow: by a factor of %.1f at the airport in the middle, and of %.1f at %s.",
			f.ranking.Widening, f.ranking.Widest.Times, f.figures.byCode()[f.ranking.Widest.Code].Label()),
	}
}

func droppedRows(c Cleaned) []droppedRow {
	rows := make([]droppedRow, len(c.Dropped))
	for i, d := range c.Dropped {
		rows[i] = droppedRow{Rule: d.Rule, Why: d.Why, Dated: thousands(d.Dated), Undated: "cannot be told"}
		if d.Undated != nil {
			rows[i].Undated = thousands(*d.Undated)
		}
	}
	return rows
}

func airportRows(f findings) []airportRow {
	airports := f.figures.byCode()
	rows := make([]airportRow, len(f.ranking.Places))
	for i, place := range f.ranking.Places {
		a := airports[place.Code]
		rows[i] = airportRow{
			Rank: i + 1, Name: a.Label(), Flights: thousands(a.Flights),
			Late: percent(place.Share.Share), Interval: fmt.Sprintf("%.1f–%.1f%%", 100*place.Share.Low, 100*place.Share.High),
			Ranks:    fmt.Sprintf("%d–%d", place.RankLow, place.RankHigh),
			Expected: percent(a.Expected), Median: minus(a.Median),
			P90: fmt.Sprintf("%s (%s–%s)", minus(a.P90), minus(place.P90Low), minus(place.P90High)),
		}
	}
	return rows
}

// minus writes a number with a real minus sign.
func minus(n int) string { return strings.Replace(thousands(n), "-", "−", 1) }
