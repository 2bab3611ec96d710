package flights

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Aggregated is the result of Aggregate.
type Aggregated struct {
	Figures File `json:"figures"`
	// Airports is the number of airports that flights leave from, Ranked the number
	// of those that have enough flights to be ranked.
	Airports int `json:"airports"`
	Ranked   int `json:"ranked"`
	// Late is the share of the dated flights that arrived more than 15 minutes late,
	// Median the median delay of all dated flights in minutes.
	Late   float64 `json:"late"`
	Median int     `json:"median"`
}

// Aggregate computes the figures for all flights, and by hour, day, distance and
// airport. It reports progress in these parts.
func Aggregate(ctx context.Context, w *WorkDir, in Cleaned, report Reporter) (Aggregated, error) {
	data, err := loadGob[cleaned](w, in.Flights)
	if err != nil {
		return Aggregated{}, err
	}
	figures, err := aggregate(ctx, data, report)
	if err != nil {
		return Aggregated{}, fmt.Errorf("aggregate flights: %w", err)
	}
	file, err := saveJSON(w, "figures.json", figures)
	if err != nil {
		return Aggregated{}, err
	}
	return Aggregated{
		Figures:  file,
		Airports: len(figures.Airports), Ranked: len(figures.ranked(minFlights)),
		Late: figures.Dated.Share(), Median: figures.Dated.Median,
	}, nil
}

func aggregate(ctx context.Context, data *cleaned, report Reporter) (*Figures, error) {
	f := &Figures{}
	parts := []func(*cleaned){f.countAll, f.countHours, f.countDays, f.countDistances, f.countAirports}
	for done, part := range parts {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		report(done, len(parts))
		part(data)
	}
	report(len(parts), len(parts))
	return f, nil
}

func (f *Figures) countAll(data *cleaned) {
	f.Undated = spreadOf(slices.Clone(data.Undated.Delay))
	f.Dated = spreadOf(slices.Clone(data.Dated.Delay))
	f.Official.Flights = data.Dated.Len()
	for _, delay := range data.Dated.Delay {
		if delay >= lateAfter {
			f.Official.Late++
		}
	}
}

func (f *Figures) countHours(data *cleaned) {
	s := &data.Dated
	for hour, spread := range spreadsByGroup(s, 24, s.hour) {
		f.Hours[hour].Spread = spread
	}
	var firstQuarter []int32
	for i, delay := range s.Delay {
		f.Hours[plannedHour(s.Minute[i], delay)].Planned.add(delay)
		if dateOf(s.day(i)).Month() <= time.March {
			f.Hours[s.hour(i)].FirstQuarter.add(delay)
			firstQuarter = append(firstQuarter, delay)
		}
	}
	f.FirstQuarter = spreadOf(firstQuarter)
	for i, delay := range data.Undated.Delay {
		f.Hours[data.Undated.hour(i)].Undated.add(delay)
	}
}

// plannedHour returns the approximate hour of the planned departure. It ignores an
// early arrival, because flights rarely leave early.
func plannedHour(minute, delay int32) int {
	planned := int(minute-max(0, delay)) % minutesPerDay
	if planned < 0 {
		planned += minutesPerDay
	}
	return planned / 60
}

func (f *Figures) countDays(data *cleaned) {
	f.Days = make([]Day, days)
	for day := range f.Days {
		date := dateOf(day)
		f.Days[day].Date, f.Days[day].Weekday = date.Format(time.DateOnly), weekdayIndex(date)
	}
	for i, delay := range data.Dated.Delay {
		day := data.Dated.day(i)
		f.Days[day].add(delay)
		f.Weekdays[f.Days[day].Weekday].add(delay)
		f.Months[dateOf(day).Month()-time.January].add(delay)
	}
}

// weekdayIndex returns 0 for Monday to 6 for Sunday.
func weekdayIndex(date time.Time) int { return (int(date.Weekday()) + 6) % 7 }

// bands lists the lower bounds of the distance bands, in miles.
var bands = [...]int{0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2250, 2500}

func (f *Figures) countDistances(data *cleaned) {
	miles := make([][]int32, len(bands))
	for _, m := range data.Dated.Miles {
		miles[bandOf(m)] = append(miles[bandOf(m)], m)
	}
	for band, spread := range spreadsByGroup(&data.Dated, len(bands), func(i int) int { return bandOf(data.Dated.Miles[i]) }) {
		if spread.Flights == 0 {
			continue
		}
		slices.Sort(miles[band])
		d := Distance{From: bands[band], Miles: int(quantile(miles[band], 0.5)), Spread: spread}
		if band+1 < len(bands) {
			d.To = bands[band+1]
		}
		f.Distances = append(f.Distances, d)
	}
}

func bandOf(miles int32) int {
	band, exact := slices.BinarySearch(bands[:], int(miles))
	if exact {
		return band
	}
	return band - 1
}

// countAirports must be called after countHours.
func (f *Figures) countAirports(data *cleaned) {
	s := &data.Dated
	all := spreadsByGroup(s, len(data.Airports), func(i int) int { return int(s.Origin[i]) })
	hours := make([][24]Count, len(data.Airports))
	for i, delay := range s.Delay {
		hours[s.Origin[i]][s.hour(i)].add(delay)
	}
	for i, airport := range data.Airports {
		if all[i].Flights == 0 {
			continue
		}
		expected := 0.0
		for hour, count := range hours[i] {
			expected += float64(count.Flights) * f.Hours[hour].Share()
		}
		f.Airports = append(f.Airports, AirportFigures{
			Airport: airport, Spread: all[i],
			Expected: expected / float64(all[i].Flights), Hours: hours[i],
		})
	}
}

// spreadsByGroup returns the spread of the delays in each of n groups; group
// returns the group of flight i.
func spreadsByGroup(s *Sample, n int, group func(i int) int) []Spread {
	delays := make([][]int32, n)
	for i, delay := range s.Delay {
		g := group(i)
		delays[g] = append(delays[g], delay)
	}
	spreads := make([]Spread, n)
	for g := range spreads {
		spreads[g] = spreadOf(delays[g])
	}
	return spreads
}
