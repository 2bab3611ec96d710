package flights

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// replicates returns those of two airports and the others. The first airport is
// later in three of four resamples.
func replicates() []replicate {
	var all []replicate
	for i := range uint32(40) {
		late := 30 + i%4*10 // 30, 40, 50, 60 of 100
		all = append(all,
			replicate{Flights: 300, Late: 100 + i},
			replicate{Flights: 100, Late: late, P90: int32(i)},
			replicate{Flights: 100, Late: 35, P90: 20},
			replicate{Flights: 100, Late: 0})
	}
	return all
}

func airportsOf(shares map[string]int) []AirportFigures {
	var airports []AirportFigures
	for _, code := range []string{"BBB", "AAA"} {
		airports = append(airports, AirportFigures{
			Airport: Airport{Code: code}, Spread: Spread{Count: Count{Flights: 100, Late: shares[code]}},
		})
	}
	return airports
}

func TestRankingHasTheLatestAirportFirstWithIntervals(t *testing.T) {
	t.Parallel()
	r, err := rank(t.Context(), Spread{Count: Count{300, 120}}, airportsOf(map[string]int{"BBB": 45, "AAA": 35}), replicates())
	require.NoError(t, err)
	assert.Equal(t, 40, r.Resamples)
	assert.Equal(t, Interval{Share: 0.4, Low: 100.0 / 300, High: 138.0 / 300}, r.All)
	assert.Equal(t, []Place{
		{Code: "BBB", Share: Interval{0.45, 0.3, 0.6}, RankLow: 1, RankHigh: 2, P90Low: 0, P90High: 38},
		{Code: "AAA", Share: Interval{0.35, 0.35, 0.35}, RankLow: 1, RankHigh: 2, P90Low: 20, P90High: 20},
	}, r.Places)
	// The interval is 0.3 wide, that of the binomial distribution
	// 2 * 1.96 * sqrt(0.45 * 0.55 / 100) = 0.195.
	assert.Equal(t, "BBB", r.Widest.Code)
	assert.InDelta(t, 1.538, r.Widest.Times, 0.001)
	assert.Zero(t, r.Widening, "the median of two is the lower one, which has no width")
}

func TestRankingStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	_, err := rank(cancelledContext(t, cause), Spread{}, airportsOf(nil), replicates())
	require.ErrorIs(t, err, cause)
}

func TestTheEndsOfARankingDoNotOverlap(t *testing.T) {
	t.Parallel()
	r := &Ranking{Places: []Place{{Code: "A"}, {Code: "B"}, {Code: "C"}}}
	first, last := r.firstAndLast(12)
	assert.Equal(t, []Place{{Code: "A"}}, first)
	assert.Equal(t, []Place{{Code: "C"}}, last)
}
