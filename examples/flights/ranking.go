package flights

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Ranking holds the airports in order, with confidence intervals.
type Ranking struct {
	Resamples int `json:"resamples"`
	// All describes all flights of the dated sample.
	All Interval `json:"all"`
	// Widening is the ratio between the width of an interval and its width if the
	// delays of flights were independent of each other: the median of all airports.
	// Widest is the airport with the largest ratio.
	Widening float64 `json:"widening"`
	Widest   Widest  `json:"widest"`
	// Places starts with the airport that has the largest share of late departures.
	Places []Place `json:"places"`
}

// Place is an airport in the Ranking. All intervals contain 95% of the resamples.
type Place struct {
	Code  string   `json:"code"`
	Share Interval `json:"share"`
	// Rank counts from 1.
	RankLow  int `json:"rank_low"`
	RankHigh int `json:"rank_high"`
	// P90 is the 90th percentile of the delay, in minutes.
	P90Low  int `json:"p90_low"`
	P90High int `json:"p90_high"`
}

// Widest is the airport with the largest widening.
type Widest struct {
	Code  string  `json:"code"`
	Times float64 `json:"times"`
}

// Interval is a share with its confidence interval of 95%.
type Interval struct {
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

const lowTail, highTail = 0.025, 0.975

// rank computes the ranking from the replicates of a resampler with a group for
// each of airports, in this order, and one for the other airports.
func rank(ctx context.Context, all Spread, airports []AirportFigures, replicates []replicate) (*Ranking, error) {
	width := len(airports) + 2 // and all flights, and the other airports
	r := &Ranking{Resamples: len(replicates) / width}
	at := func(resample, column int) replicate { return replicates[resample*width+column] }

	shares := make([]float64, r.Resamples)
	interval := func(column int, share float64) Interval {
		for i := range shares {
			shares[i] = at(i, column).share()
		}
		slices.Sort(shares)
		return Interval{Share: share, Low: quantile(shares, lowTail), High: quantile(shares, highTail)}
	}
	r.All = interval(0, all.Share())

	ranks, err := ranksOf(ctx, r.Resamples, len(airports), func(resample, airport int) float64 {
		return at(resample, airport+1).share()
	})
	if err != nil {
		return nil, err
	}
	p90 := make([]int32, r.Resamples)
	for a, airport := range airports {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		for i := range p90 {
			p90[i] = at(i, a+1).P90
		}
		slices.Sort(p90)
		slices.Sort(ranks[a])
		r.Places = append(r.Places, Place{
			Code: airport.Code, Share: interval(a+1, airport.Share()),
			RankLow: quantile(ranks[a], lowTail), RankHigh: quantile(ranks[a], highTail),
			P90Low: int(quantile(p90, lowTail)), P90High: int(quantile(p90, highTail)),
		})
	}
	r.Widening, r.Widest = widening(r.Places, airports)
	slices.SortStableFunc(r.Places, func(a, b Place) int { return cmp.Compare(b.Share.Share, a.Share.Share) })
	return r, nil
}

func (r replicate) share() float64 {
	return Count{Flights: int(r.Flights), Late: int(r.Late)}.Share()
}

// ranksOf returns for each airport its rank in each resample.
func ranksOf(ctx context.Context, resamples, airports int, share func(resample, airport int) float64) ([][]int, error) {
	ranks := make([][]int, airports)
	for a := range ranks {
		ranks[a] = make([]int, resamples)
	}
	order, shares := make([]int, airports), make([]float64, airports)
	for i := range resamples {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		for a := range order {
			order[a], shares[a] = a, share(i, a)
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(shares[b], shares[a]) })
		for place, a := range order {
			ranks[a][i] = place + 1
		}
	}
	return ranks, nil
}

// widening returns the ratios between the width of the intervals and that of the
// binomial distribution: the median and the largest.
func widening(places []Place, airports []AirportFigures) (median float64, widest Widest) {
	var ratios []float64
	for i, place := range places {
		p := place.Share.Share
		independent := 2 * 1.96 * math.Sqrt(p*(1-p)/float64(airports[i].Flights))
		if independent == 0 {
			continue
		}
		ratio := (place.Share.High - place.Share.Low) / independent
		ratios = append(ratios, ratio)
		if ratio > widest.Times {
			widest = Widest{Code: place.Code, Times: ratio}
		}
	}
	slices.Sort(ratios)
	return quantile(ratios, 0.5), widest
}
