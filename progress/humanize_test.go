package progress_test

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/progress"
)

func TestHumanizeWhereUnitsChange(t *testing.T) {
	t.Parallel()
	const (
		ms  = time.Millisecond
		day = 24 * time.Hour
	)
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0ms"},
		{1, "0ms"},
		{ms/2 - 1, "0ms"},
		{ms / 2, "1ms"},
		{ms, "1ms"},
		{850 * ms, "850ms"},
		{999 * ms, "999ms"},
		{time.Second - ms/2 - 1, "999ms"},
		{time.Second - ms/2, "1s"},
		{time.Second, "1s"},
		{1049 * ms, "1s"},
		{1050 * ms, "1.1s"},
		{4200 * ms, "4.2s"},
		{10 * time.Second, "10s"},
		{59949 * ms, "59.9s"},
		{59950 * ms, "1m"},
		{time.Minute, "1m"},
		{60499 * ms, "1m"},
		{60500 * ms, "1m 1s"},
		{65 * time.Second, "1m 5s"},
		{119500 * ms, "2m"},
		{time.Hour - 501*ms, "59m 59s"},
		{time.Hour - 500*ms, "1h"},
		{time.Hour, "1h"},
		{time.Hour + 29*time.Second, "1h"},
		{time.Hour + 30*time.Second, "1h 1m"},
		{2*time.Hour + 3*time.Minute, "2h 3m"},
		{2*time.Hour - 30*time.Second, "2h"},
		{day - 31*time.Second, "23h 59m"},
		{day - 30*time.Second, "1d"},
		{day, "1d"},
		{day + 29*time.Minute, "1d"},
		{day + 30*time.Minute, "1d 1h"},
		{2*day - 30*time.Minute, "2d"},
		{3*day + 4*time.Hour, "3d 4h"},
		{1000 * day, "1000d"},
		{math.MaxInt64, "106751d 23h"},
		{-1, "0ms"},
		{-ms, "-1ms"},
		{-4200 * ms, "-4.2s"},
		{-59950 * ms, "-1m"},
		{-65 * time.Second, "-1m 5s"},
		{math.MinInt64, "-106751d 23h"},
	} {
		assert.Equal(t, c.want, progress.Humanize(c.d), "%d ns", c.d)
	}
}

// humanizedFormat matches every result of Humanize for a duration of 0 or more.
var humanizedFormat = regexp.MustCompile(`^(\d{1,3}ms|[1-5]?\d(\.[1-9])?s|[1-5]?\dm( [1-5]?\ds)?|(1?\d|2[0-3])h( [1-5]?\dm)?|\d+d( (1?\d|2[0-3])h)?)$`)

// parseHumanized parses a result of Humanize. It also returns half of the
// smallest unit used for durations of this size.
func parseHumanized(t *testing.T, text string) (d, half time.Duration) {
	t.Helper()
	for part := range strings.FieldsSeq(text) {
		number, unit := strings.TrimRight(part, "dhms"), strings.TrimLeft(part, "0123456789.")
		value, err := strconv.ParseFloat(number, 64)
		require.NoError(t, err, text)
		size := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[unit]
		require.NotZero(t, size, text)
		d += time.Duration(math.Round(value * float64(size)))
	}
	switch {
	case d < time.Second:
		half = time.Millisecond / 2
	case d < time.Minute:
		half = time.Second / 20
	case d < time.Hour:
		half = time.Second / 2
	case d < 24*time.Hour:
		half = time.Minute / 2
	default:
		half = time.Hour / 2
	}
	return d, half
}

func checkHumanize(t *testing.T, d time.Duration) (shown time.Duration) {
	t.Helper()
	text := progress.Humanize(d)
	require.Regexp(t, humanizedFormat, text, "%d ns", d)
	require.NotContains(t, text+" ", " 0s ", "%d ns", d)
	shown, half := parseHumanized(t, text)
	require.LessOrEqual(t, (d - shown).Abs(), half, "%d ns is %s", d, text)
	if shown > 0 {
		require.Equal(t, "-"+text, progress.Humanize(-d), "%d ns", d)
	}
	return shown
}

func TestHumanizeIsWithinHalfAUnitOfAnyDuration(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 { // evenly spread on a logarithmic scale, from 1 ns to about 280 years
		checkHumanize(t, time.Duration(math.Exp(r.Float64()*math.Log(math.MaxInt64/1.03))))
	}
}

func TestHumanizeIsWithinHalfAUnitWhereUnitsChange(t *testing.T) {
	t.Parallel()
	for _, unit := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		for k := range time.Duration(30) {
			for _, offset := range []time.Duration{0, 1, time.Millisecond / 2, 50 * time.Millisecond, time.Second / 2, 30 * time.Second, 30 * time.Minute} {
				for delta := time.Duration(-1); delta <= 1; delta++ {
					checkHumanize(t, (k*unit - offset + delta).Abs())
					checkHumanize(t, k*unit+offset+delta+1)
				}
			}
		}
	}
}

func TestHumanizeNeverFallsForLongerDurations(t *testing.T) {
	t.Parallel()
	last := time.Duration(0)
	for d := time.Duration(0); d < 100*24*time.Hour; d += 1 + 7*time.Millisecond + d/200 {
		shown := checkHumanize(t, d)
		require.GreaterOrEqual(t, shown, last, "%d ns", d)
		last = shown
	}
	for tenths := range time.Duration(600) { // every value with a decimal
		d := tenths * 100 * time.Millisecond
		require.Equal(t, d, checkHumanize(t, d))
	}
}

func TestHumanizeRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		low, high time.Duration
		want      string
	}{
		{3 * time.Minute, 5 * time.Minute, "3-5 min"},
		{40 * time.Second, 55 * time.Second, "40-55 s"},
		{100 * time.Second, 119 * time.Second, "100-119 s"},
		{10 * time.Second, 3 * time.Minute, "10-180 s"},
		{100 * time.Minute, 3 * time.Hour, "2-3 h"},
		{47 * time.Hour, 60 * time.Hour, "2-3 d"},
		{4*time.Minute + 10*time.Second, 4*time.Minute + 20*time.Second, "4m 10s"},
		{time.Second, 0, "1s"},
		{-time.Second, 2 * time.Second, "0-2 s"},
	} {
		assert.Equal(t, c.want, progress.HumanizeRange(c.low, c.high))
	}
}
