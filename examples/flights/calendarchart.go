package flights

import (
	"fmt"
	"math"
	"time"

	"github.com/ntxdev/jobsystem/examples/flights/internal/chart"
)

// shareRamp returns the colour scale for shares by day and by hour.
func shareRamp() chart.Ramp {
	ticks := shareTicks(5, 15, 25, 35, 45)
	ticks[len(ticks)-1].Text += " +"
	return chart.Ramp{Low: 0.05, High: 0.45, Title: "arrived more than 15 minutes late", Ticks: ticks}
}

// drawCalendar draws the share of late flights on each day, with a column for each
// week.
func drawCalendar(f *Figures, _ *Ranking, _ int) ([]byte, error) {
	// The year 2001 began on a Monday.
	weeks := (days + 6) / 7
	grid := chart.Grid{
		Label:   "Calendar of the first half of 2001 that shows the share of late flights on each day.",
		Columns: make([]string, weeks), NotesTitle: "all weeks", Ramp: shareRamp(),
		RowHeight: 21, LabelWidth: 82,
	}
	for day := range days {
		if date := dateOf(day); date.Day() <= 7 && grid.Columns[day/7] == "" && date.Weekday() == time.Monday {
			grid.Columns[day/7] = date.Format("Jan 2")
		}
	}
	for weekday, count := range f.Weekdays {
		row := chart.GridRow{Text: weekdayNames[weekday], Note: percent(count.Share()), Values: make([]float64, weeks)}
		for week := range row.Values {
			row.Values[week] = math.NaN()
			if day := week*7 + weekday; day < len(f.Days) {
				row.Values[week] = f.Days[day].Share()
			}
		}
		grid.Rows = append(grid.Rows, row)
	}
	return grid.SVG()
}

// longDate formats the date: "Friday, 6 April".
func (d Day) longDate() string {
	date, err := time.Parse(time.DateOnly, d.Date)
	if err != nil {
		return d.Date
	}
	return fmt.Sprintf("%s, %d %s", date.Weekday(), date.Day(), date.Month())
}
