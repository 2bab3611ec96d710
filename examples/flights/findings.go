package flights

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// findings describes the figures in sentences. Each method returns the paragraphs
// of one section of the page, the most important one first.
type findings struct {
	figures *Figures
	ranking *Ranking
}

func (f findings) summary() []string {
	all := f.figures.Dated
	earliest, latest := f.hourRange(func(h Hour) float64 { return h.Share() })
	near, far := f.distanceRange()
	places := f.ranking.Places
	return []string{
		fmt.Sprintf("About %s flights arrived more than 15 minutes late (%s; 95%% interval %s).",
			oneIn(all.Share()), percent(all.Share()), between(f.ranking.All.Low, f.ranking.All.High)),
		fmt.Sprintf("The flight in the middle arrived %s. What people remember is the tail: one flight in ten was more than %s late. "+
			"Between the best and the worst hour of departure the share of late flights differs by %.0f percentage points; "+
			"between the best and the worst airport by %.0f; between the best and the worst distance by %.0f.",
			lateness(all.Median), minutes(all.P90),
			100*(f.figures.Hours[latest].Share()-f.figures.Hours[earliest].Share()),
			100*(places[0].Share.Share-places[len(places)-1].Share.Share),
			100*(far.Share()-near.Share())),
	}
}

// busyHours returns the hours with at least 1% of the flights.
func (f findings) busyHours() []int {
	var busy []int
	for hour, figures := range f.figures.Hours {
		if 100*figures.Flights >= f.figures.Dated.Flights {
			busy = append(busy, hour)
		}
	}
	return busy
}

// hourRange returns the busy hours with the smallest and the largest share.
func (f findings) hourRange(share func(Hour) float64) (least, most int) {
	by := func(a, b int) int { return cmp.Compare(share(f.figures.Hours[a]), share(f.figures.Hours[b])) }
	return slices.MinFunc(f.busyHours(), by), slices.MaxFunc(f.busyHours(), by)
}

func (f findings) hours() []string {
	hours := f.figures.Hours
	least, most := f.hourRange(func(h Hour) float64 { return h.Share() })
	leastPlanned, mostPlanned := f.hourRange(func(h Hour) float64 { return h.Planned.Share() })
	var night Count
	for _, hour := range hours[:firstHour] {
		night.merge(hour.Count)
	}
	return []string{
		fmt.Sprintf("Of the flights that left from %s, %s arrived late; of those that left from %s, %s: %.1f times the share.",
			during(least), percent(hours[least].Share()), during(most), percent(hours[most].Share()),
			hours[most].Share()/hours[least].Share()),
		fmt.Sprintf("The flight in the middle hardly notices: the median goes from %s to %s over those hours. "+
			"What grows is the tail: of the flights from %s, one in ten was more than %s late, of those from %s, more than %s.",
			lateness(hours[least].Median), lateness(hours[most].Median),
			during(least), minutes(hours[least].P90), during(most), minutes(hours[most].P90)),
		fmt.Sprintf("The data has the time at which a flight really left, so one that waits moves to a later hour and takes its delay along. "+
			"The dashed line moves every flight back by all of its delay, which is too far for those that lost their time on the way; "+
			"the truth lies somewhere between the lines. Even along the dashed one the share goes from %s (%s) to %s (%s).",
			percent(hours[leastPlanned].Planned.Share()), during(leastPlanned),
			percent(hours[mostPlanned].Planned.Share()), during(mostPlanned)),
		fmt.Sprintf("From midnight to %s hardly anything leaves (%s of all flights), "+
			"and much of it should have left the evening before: %s arrived late.",
			clock(firstHour), percent(float64(night.Flights)/float64(f.figures.Dated.Flights)), percent(night.Share())),
	}
}

func (f findings) calendar() []string {
	byShare := func(a, b Count) int { return cmp.Compare(a.Share(), b.Share()) }
	weekdays, months := f.figures.Weekdays[:], f.figures.Months[:]
	best, worst := slices.MinFunc(weekdays, byShare), slices.MaxFunc(weekdays, byShare)
	calm, rough := slices.MinFunc(months, byShare), slices.MaxFunc(months, byShare)
	month := func(c Count) string { return monthNames[slices.Index(months, c)] }
	days := slices.Clone(f.figures.Days)
	slices.SortStableFunc(days, func(a, b Day) int { return byShare(a.Count, b.Count) })
	last := days[len(days)-1]
	return []string{
		fmt.Sprintf("%s was the worst day to fly (%s late), %s the best (%s).",
			weekdayNames[slices.Index(weekdays, worst)], percent(worst.Share()),
			weekdayNames[slices.Index(weekdays, best)], percent(best.Share())),
		fmt.Sprintf("Of the months, %s had the most late flights (%s) and %s the fewest (%s). "+
			"The single worst day was %s with %s, the best %s with %s.",
			month(rough), percent(rough.Share()), month(calm), percent(calm.Share()),
			last.longDate(), percent(last.Share()), days[0].longDate(), percent(days[0].Share())),
		fmt.Sprintf("Bad days come in runs: the share of one day and that of the next are correlated at %.2f. "+
			"That is why the intervals in this report are drawn from whole weeks, and not from single flights.", f.autocorrelation()),
	}
}

var monthNames = [6]string{"January", "February", "March", "April", "May", "June"}

// autocorrelation returns the autocorrelation of the daily shares at a lag of one
// day.
func (f findings) autocorrelation() float64 {
	days := f.figures.Days
	mean := 0.0
	for _, day := range days {
		mean += day.Share() / float64(len(days))
	}
	var covariance, variance float64
	for i, day := range days {
		variance += math.Pow(day.Share()-mean, 2)
		if i > 0 {
			covariance += (days[i-1].Share() - mean) * (day.Share() - mean)
		}
	}
	if variance == 0 {
		return 0
	}
	return covariance / variance
}

func (f findings) airports() []string {
	airports, places := f.figures.byCode(), f.ranking.Places
	first, last := places[0], places[len(places)-1]
	above, below := 0, 0
	for _, place := range places {
		switch {
		case place.Share.Low > f.ranking.All.Share:
			above++
		case place.Share.High < f.ranking.All.Share:
			below++
		}
	}
	sentences := []string{
		fmt.Sprintf("%s came first: %s of the flights that left there arrived late (%s). The most punctual of the %d airports was %s with %s (%s).",
			airports[first.Code].Label(), percent(first.Share.Share), between(first.Share.Low, first.Share.High), len(places),
			airports[last.Code].Label(), percent(last.Share.Share), between(last.Share.Low, last.Share.High)),
		fmt.Sprintf("The whole interval lies above the share of all flights at %d airports, and below it at %d; the other %d cannot be told from it.",
			above, below, len(places)-above-below),
	}
	if len(places) > 2 {
		second, middle := places[1], places[len(places)/2]
		sentences[1] += fmt.Sprintf(" A rank is worth less than it looks: "+
			"%s, in place 2, could as well be anywhere from %d to %d, and %s, in place %d, anywhere from %d to %d.",
			airports[second.Code].Label(), second.RankLow, second.RankHigh,
			airports[middle.Code].Label(), len(places)/2+1, middle.RankLow, middle.RankHigh)
	}
	verdict := "its hours do not explain its place"
	if airports[first.Code].Expected >= first.Share.Low {
		verdict = "its hours may explain its place"
	}
	return append(sentences, fmt.Sprintf(
		"An airport whose flights leave in the evening starts with a handicap. The diamonds take it away: they show the share that an airport "+
			"would have if its flights of each hour were late as often as all flights of that hour. For %s that is %s: %s.",
		airports[first.Code].Label(), percent(airports[first.Code].Expected), verdict))
}

func (f findings) places() []string {
	large := min(10, len(f.figures.Airports)/2)
	var big, small Count
	busiest := f.figures.busiest(large)
	for _, airport := range f.figures.Airports {
		count := &small
		if slices.ContainsFunc(busiest, func(b AirportFigures) bool { return b.Code == airport.Code }) {
			count = &big
		}
		count.merge(airport.Count)
	}
	return []string{fmt.Sprintf("The %d busiest airports send off %s of all flights, and %s of theirs arrived late; "+
		"of the flights from the other %d airports it was %s.",
		large, percent(float64(big.Flights)/float64(f.figures.Dated.Flights)), percent(big.Share()),
		len(f.figures.Airports)-large, percent(small.Share()))}
}

func (f findings) airportHours() []string {
	const morning, evening = 10, 18
	type change struct {
		airport       AirportFigures
		before, after Count
		worsens       float64
	}
	var changes []change
	worse := 0
	for _, airport := range f.figures.busiest(gridAirports) {
		c := change{airport: airport}
		for hour, count := range airport.Hours {
			switch {
			case hour >= firstHour && hour < morning:
				c.before.merge(count)
			case hour >= evening:
				c.after.merge(count)
			}
		}
		c.worsens = c.after.Share() - c.before.Share()
		if c.worsens > 0 {
			worse++
		}
		changes = append(changes, c)
	}
	by := func(a, b change) int { return cmp.Compare(a.worsens, b.worsens) }
	most, least := slices.MaxFunc(changes, by), slices.MinFunc(changes, by)
	where := fmt.Sprintf("At %d of the %d busiest airports", worse, len(changes))
	if worse == len(changes) {
		where = fmt.Sprintf("At each of the %d busiest airports", worse)
	}
	return []string{
		fmt.Sprintf("%s, flights that left after %s were late more often than those that left before %s.",
			where, clock(evening), clock(morning)),
		fmt.Sprintf("The evening costs most at %s, where the share goes from %s to %s, and least at %s: from %s to %s.",
			most.airport.Label(), percent(most.before.Share()), percent(most.after.Share()),
			least.airport.Label(), percent(least.before.Share()), percent(least.after.Share())),
	}
}

func (f findings) distances() []string {
	distances := f.figures.Distances
	least, most := f.distanceRange()
	earliest, latest := f.hourRange(func(h Hour) float64 { return h.Share() })
	byHour := f.figures.Hours[latest].Share() - f.figures.Hours[earliest].Share()
	short, long := distances[0], distances[len(distances)-1]
	return []string{
		fmt.Sprintf("How far a flight goes matters little: the best distance (%s, %s late) and the worst (%s, %s) are %.1f percentage points apart. "+
			"The best hour and the worst are %.1f apart.",
			least.band(), percent(least.Share()), most.band(), percent(most.Share()), 100*(most.Share()-least.Share()), 100*byHour),
		fmt.Sprintf("Long flights spread more, and mostly to the good side: of the flights of %s, "+
			"one in ten arrived at least %s; of those of %s, at least %s.",
			short.band(), lateness(short.P10), long.band(), lateness(long.P10)),
	}
}

// distanceRange returns the distances with the smallest and the largest share.
func (f findings) distanceRange() (least, most Distance) {
	by := func(a, b Distance) int { return cmp.Compare(a.Share(), b.Share()) }
	return slices.MinFunc(f.figures.Distances, by), slices.MaxFunc(f.figures.Distances, by)
}

// band formats the bounds of a Distance.
func (d Distance) band() string {
	switch {
	case d.To == 0:
		return thousands(d.From) + " miles and more"
	case d.From == 0:
		return "less than " + thousands(d.To) + " miles"
	default:
		return thousands(d.From) + " to " + thousands(d.To) + " miles"
	}
}

func (f findings) samples() []string {
	undated, first, all := f.figures.Undated, f.figures.FirstQuarter, f.figures.Dated
	mean, most, errors, at := 0.0, 0.0, 0.0, 0
	hours := f.busyHours()
	for _, hour := range hours {
		a, b := f.figures.Hours[hour].Undated, f.figures.Hours[hour].FirstQuarter
		difference := math.Abs(a.Share() - b.Share())
		mean += difference / float64(len(hours))
		if difference > most {
			most, at = difference, hour
			errors = difference / math.Sqrt(variance(a)+variance(b))
		}
	}
	verdict := "which is about what chance brings"
	if errors > 3 {
		verdict = "more than chance would bring"
	}
	return []string{
		fmt.Sprintf("A second sample of %s flights, drawn from the same source by others, gives the same picture.", thousands(undated.Flights)),
		fmt.Sprintf("It has neither dates nor airports, and does not say which months it is from. Its delays do: "+
			"%s of its flights were late, as were %s of the dated ones from January to March, and %s of those from all six months. "+
			"Median, quarters and tenths are those of the first quarter as well%s.",
			percent(undated.Share()), percent(first.Share()), percent(all.Share()), f.quantilesVerdict()),
		fmt.Sprintf("Hour by hour, the two differ by %.1f percentage points on average. "+
			"The largest difference is %.1f points, from %s: %.1f standard errors, %s among %d hours.",
			100*mean, 100*most, during(at), errors, verdict, len(hours)),
	}
}

// quantilesVerdict returns the end of a sentence that says whether the quantiles of
// the undated sample and of the first quarter are equal.
func (f findings) quantilesVerdict() string {
	a, b := f.figures.Undated, f.figures.FirstQuarter
	a.Count, b.Count = Count{}, Count{}
	if a == b {
		return ", to the minute"
	}
	return ", or nearly"
}

// variance returns the variance of a share.
func variance(c Count) float64 {
	if c.Flights == 0 {
		return 0
	}
	return c.Share() * (1 - c.Share()) / float64(c.Flights)
}
