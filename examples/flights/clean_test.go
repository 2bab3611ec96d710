package flights

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flight is one row of a dated sample.
type flight struct{ minute, delay, miles, from, to int32 }

func sampleOf(flights ...flight) Sample {
	s := Sample{Origin: []int32{}, Destination: []int32{}}
	for _, f := range flights {
		s.Minute = append(s.Minute, f.minute)
		s.Delay = append(s.Delay, f.delay)
		s.Miles = append(s.Miles, f.miles)
		s.Origin = append(s.Origin, f.from)
		s.Destination = append(s.Destination, f.to)
	}
	return s
}

// validFlight breaks no rule: in the Bureau's data, JFK to ORD is 740 miles.
var validFlight = flight{minute: 600, delay: 5, miles: 740, from: 0, to: 1}

func TestEachRuleDropsItsFlights(t *testing.T) {
	t.Parallel()
	with := func(change func(f *flight)) flight {
		f := validFlight
		change(&f)
		return f
	}
	cases := map[string]struct {
		flight flight
		rule   string // empty if it is kept
	}{
		"a valid flight":              {validFlight, ""},
		"the first minute":            {with(func(f *flight) { f.minute = 0 }), ""},
		"the last minute":             {with(func(f *flight) { f.minute = days*minutesPerDay - 1 }), ""},
		"after the last minute":       {with(func(f *flight) { f.minute = days * minutesPerDay }), "outside the period"},
		"before the first":            {with(func(f *flight) { f.minute = -1 }), "outside the period"},
		"unknown origin":              {with(func(f *flight) { f.from = 2 }), "unknown airport"},
		"unknown destination":         {with(func(f *flight) { f.to = 2 }), "unknown airport"},
		"same origin and destination": {with(func(f *flight) { f.to = 0 }), "goes nowhere"},
		"no distance":                 {with(func(f *flight) { f.miles = 0 }), "impossible distance"},
		"round the world":             {with(func(f *flight) { f.miles = 6001 }), "impossible distance"},
		"a mile off":                  {with(func(f *flight) { f.miles = 741 }), ""},
		"100 miles too short":         {with(func(f *flight) { f.miles = 640 }), "contradicts the map"},
		"a day late":                  {with(func(f *flight) { f.delay = 1440 }), ""},
		"more than a day late":        {with(func(f *flight) { f.delay = 1441 }), "absurd delay"},
		"two hours early":             {with(func(f *flight) { f.delay = -120 }), ""},
		"more than two hours early":   {with(func(f *flight) { f.delay = -121 }), "absurd delay"},
		"breaks two rules":            {with(func(f *flight) { f.to, f.delay = 0, 5000 }), "goes nowhere"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := &raw{Dated: sampleOf(c.flight), Codes: []string{"JFK", "ORD", "XXX"}, Airports: []Airport{kennedy, ohare}}
			kept, dropped, err := clean(t.Context(), data, noReport)
			require.NoError(t, err)
			if c.rule == "" {
				assert.Equal(t, 1, kept.Dated.Len())
			} else {
				assert.Zero(t, kept.Dated.Len())
			}
			for _, d := range dropped {
				want := 0
				if d.Rule == c.rule {
					want = 1
				}
				assert.Equal(t, want, d.Dated, d.Rule)
			}
		})
	}
}

func TestAFlightListedTwiceIsKeptOnce(t *testing.T) {
	t.Parallel()
	other := validFlight
	other.delay++
	data := &raw{Dated: sampleOf(validFlight, other, validFlight), Codes: []string{"JFK", "ORD"}, Airports: []Airport{kennedy, ohare}}
	kept, _, err := clean(t.Context(), data, noReport)
	require.NoError(t, err)
	assert.Equal(t, []int32{5, 6}, kept.Dated.Delay)
}

func TestUndatedFlightsAreCheckedByTheRulesThatApply(t *testing.T) {
	t.Parallel()
	data := &raw{Undated: Sample{
		Minute: []int32{0, 1439, 1440, 700, 700},
		Delay:  []int32{0, 0, 0, 1444, 0},
		Miles:  []int32{500, 500, 500, 500, 5},
	}}
	kept, dropped, err := clean(t.Context(), data, noReport)
	require.NoError(t, err)
	assert.Equal(t, []int32{0, 1439}, kept.Undated.Minute)
	counts := map[string]int{}
	for _, d := range dropped {
		if d.Undated != nil {
			counts[d.Rule] = *d.Undated
		}
	}
	assert.Equal(t, map[string]int{"outside the period": 1, "impossible distance": 1, "absurd delay": 1}, counts)
}

func TestCleanReplacesCodesByIndexesOfAirports(t *testing.T) {
	t.Parallel()
	data := &raw{Dated: sampleOf(validFlight), Codes: []string{"JFK", "ORD"}, Airports: []Airport{ohare, kennedy}}
	kept, _, err := clean(t.Context(), data, noReport)
	require.NoError(t, err)
	assert.Equal(t, []int32{1}, kept.Dated.Origin)
	assert.Equal(t, []int32{0}, kept.Dated.Destination)
}

func TestTheRealDataHasFewInvalidFlights(t *testing.T) {
	t.Parallel()
	kept, dropped, err := clean(t.Context(), realData(t), noReport)
	require.NoError(t, err)
	assert.Equal(t, 199_998, kept.Dated.Len())
	assert.Equal(t, 199_999, kept.Undated.Len())
	for _, d := range dropped {
		want := map[string]int{"absurd delay": 1, "listed twice": 1}[d.Rule]
		assert.Equal(t, want, d.Dated, d.Rule)
	}
}
