package flights

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNumbersAreFormattedForPeople(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "19.9%", percent(0.19938))
	assert.Equal(t, "18.3% to 21.6%", between(0.183, 0.216))
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 199998: "199,998", 3000000: "3,000,000", -123: "-123", -1234: "-1,234"} {
		assert.Equal(t, want, thousands(n))
	}
	for n, want := range map[int]string{-5: "5 minutes early", -1: "1 minute early", 0: "on the minute", 1: "1 minute late", 70: "70 minutes late"} {
		assert.Equal(t, want, lateness(n))
	}
	for share, want := range map[float64]string{0.199: "one in five", 0.5: "one in two", 0.1: "one in ten", 0.01: "1.0%", 0.9: "90.0%", 0: "none"} {
		assert.Equal(t, want, oneIn(share))
	}
}

func TestHoursAreFormattedForPeople(t *testing.T) {
	t.Parallel()
	for hour, want := range map[int]string{
		0: "midnight to 1 am", 5: "5 to 6 am", 10: "10 to 11 am", 11: "11 am to noon",
		12: "noon to 1 pm", 13: "1 to 2 pm", 21: "9 to 10 pm", 23: "11 pm to midnight",
	} {
		assert.Equal(t, want, during(hour))
	}
}
