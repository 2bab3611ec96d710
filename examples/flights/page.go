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

// ReportName is the name of the report's file in its directory.
const ReportName = "flights.html"

// Results holds the results of the phases that the report contains.
type Results struct {
	Cleaned    Cleaned
	Aggregated Aggregated
	Ranked     Ranked
	Charted    Charted
}

// Written is the result of WriteHTML.
type Written struct {
	// Path is the path of the report. WriteHTML returns it relative to the root of
	// the work directory.
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Headline is the first sentence of the report.
	Headline string `json:"headline"`
}

// WriteHTML writes the report to target, a path relative to the root of the work
// directory, and replaces an existing file. The page depends only on the results
// and on generated, the time that the page shows as its creation time. WriteHTML
// reports progress in three parts.
func WriteHTML(ctx context.Context, w *WorkDir, in Results, target string, generated time.Time, report Reporter) (Written, error) {
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

// page is the data of the template page.html.
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

type droppedRow struct{ Rule, Why, Dated, Undated string }

type airportRow struct {
	Rank                            int
	Name, Flights                   string
	Late, Interval, Ranks, Expected string
	Median, P90                     string
}

func newPage(w *WorkDir, in Results, generated time.Time) (*page, error) {
	figures, ranking, err := loadResults(w, in.Aggregated, in.Ranked)
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

func droppedRows(c Cleaned) []droppedRow {
	rows := make([]droppedRow, len(c.Dropped))
	for i, d := range c.Dropped {
		rows[i] = droppedRow{Rule: d.Rule, Why: d.Why, Dated: thousands(d.Dated), Undated: "not applicable"}
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
			Expected: percent(a.Expected), Median: formatInt(a.Median),
			P90: fmt.Sprintf("%s (%s–%s)", formatInt(a.P90), formatInt(place.P90Low), formatInt(place.P90High)),
		}
	}
	return rows
}

// formatInt formats a number with commas and a typographic minus sign.
func formatInt(n int) string { return strings.Replace(thousands(n), "-", "−", 1) }
