package flights

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAQuantileIsTheSmallestValueThatTheShareDoesNotExceed(t *testing.T) {
	t.Parallel()
	ten := []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	assert.Equal(t, int32(1), quantile(ten, 0))
	assert.Equal(t, int32(1), quantile(ten, 0.1))
	assert.Equal(t, int32(3), quantile(ten, 0.25))
	assert.Equal(t, int32(5), quantile(ten, 0.5))
	assert.Equal(t, int32(9), quantile(ten, 0.9))
	assert.Equal(t, int32(10), quantile(ten, 1))
	assert.Equal(t, int32(2), quantile([]int32{1, 2, 3}, 0.5))
	assert.Zero(t, quantile([]int32{}, 0.5))
}

func TestASpreadCountsFlightsMoreThan15MinutesLate(t *testing.T) {
	t.Parallel()
	s := spreadOf([]int32{30, 15, -10, 16, 0})
	assert.Equal(t, Spread{Count: Count{Flights: 5, Late: 2}, P10: -10, P25: 0, Median: 15, P75: 16, P90: 30}, s)
	assert.InDelta(t, 0.4, s.Share(), 1e-12)
	assert.Zero(t, Count{}.Share())
}

func TestAggregateOfAFewFlights(t *testing.T) {
	t.Parallel()
	const jfk, ord = 0, 1
	hour := func(day, hour, minute int32) int32 { return day*minutesPerDay + hour*60 + minute }
	data := &cleaned{
		Airports: []Airport{kennedy, ohare},
		Dated: sampleOf(
			flight{hour(0, 6, 0), -5, 740, jfk, ord},    // Monday, 1 January
			flight{hour(0, 6, 59), 20, 740, jfk, ord},   // planned for 6 am too
			flight{hour(0, 7, 10), 30, 740, ord, jfk},   // planned for 6 am
			flight{hour(4, 7, 0), 15, 740, ord, jfk},    // Friday; on time, but late for the official count
			flight{hour(95, 0, 10), 60, 2500, ord, jfk}, // Friday, 6 April; planned for the evening before
		),
		Undated: Sample{Minute: []int32{400, 1439}, Delay: []int32{16, 0}, Miles: []int32{100, 100}},
	}
	f, err := aggregate(t.Context(), data, noReport)
	require.NoError(t, err)

	assert.Equal(t, Count{5, 3}, f.Dated.Count)
	assert.Equal(t, 20, f.Dated.Median)
	assert.Equal(t, Count{5, 4}, f.Official)
	assert.Equal(t, Count{2, 1}, f.Undated.Count)
	assert.Equal(t, Count{4, 2}, f.FirstQuarter.Count, "all except the one in April")

	assert.Equal(t, Spread{Count: Count{2, 1}, P10: -5, P25: -5, Median: -5, P75: 20, P90: 20}, f.Hours[6].Spread)
	assert.Equal(t, Count{2, 1}, f.Hours[7].Count)
	assert.Equal(t, Count{1, 1}, f.Hours[0].Count)
	assert.Equal(t, Count{4, 2}, f.Hours[6].Planned)
	assert.Equal(t, Count{1, 1}, f.Hours[23].Planned)
	assert.Zero(t, f.Hours[0].Planned)
	assert.Equal(t, Count{1, 1}, f.Hours[6].Undated)
	assert.Equal(t, Count{1, 0}, f.Hours[23].Undated)
	assert.Zero(t, f.Hours[0].FirstQuarter)

	assert.Equal(t, [7]Count{0: {3, 2}, 4: {2, 1}}, f.Weekdays)
	assert.Equal(t, [6]Count{0: {4, 2}, 3: {1, 1}}, f.Months)
	require.Len(t, f.Days, 181)
	assert.Equal(t, Day{Date: "2001-04-06", Weekday: 4, Count: Count{1, 1}}, f.Days[95])
	assert.Equal(t, "Friday, 6 April", f.Days[95].longDate())
	assert.Equal(t, "2001-06-30", f.Days[180].Date)

	require.Len(t, f.Distances, 2, "bands without flights are omitted")
	assert.Equal(t, 500, f.Distances[0].From)
	assert.Equal(t, 750, f.Distances[0].To)
	assert.Equal(t, Count{4, 2}, f.Distances[0].Count)
	assert.Equal(t, Distance{From: 2500, Miles: 2500, Spread: spreadOf([]int32{60})}, f.Distances[1])

	require.Len(t, f.Airports, 2)
	assert.Equal(t, Count{2, 1}, f.Airports[jfk].Count)
	assert.Equal(t, Count{3, 2}, f.Airports[ord].Count)
	assert.Equal(t, Count{2, 1}, f.Airports[ord].Hours[7])
	// JFK: two flights at 6, where one in two is late. ORD: two at 7, where one in two
	// is late, and one at 0, where all are.
	assert.InDelta(t, 0.5, f.Airports[jfk].Expected, 1e-12)
	assert.InDelta(t, (0.5+0.5+1)/3, f.Airports[ord].Expected, 1e-12)
	assert.Len(t, f.ranked(3), 1)
}

func TestBandOfReturnsTheBandOfADistance(t *testing.T) {
	t.Parallel()
	for miles, band := range map[int32]int{0: 0, 249: 0, 250: 1, 2499: 9, 2500: 10, 4962: 10} {
		assert.Equal(t, band, bandOf(miles), "%d miles", miles)
	}
}
