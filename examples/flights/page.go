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
