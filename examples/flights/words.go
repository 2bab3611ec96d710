package flights

import (
	"fmt"
	"strconv"
)

// percent writes a share of 0 to 1.
func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// between writes an interval of shares.
func between(low, high float64) string { return fmt.Sprintf("%.1f%% to %.1f%%", 100*low, 100*high) }

// thousands writes a number with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(digits) - 3; i > start; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// clock writes an hour of the day, 0 to 24.
func clock(hour int) string {
	switch {
	case hour == 0 || hour == 24:
		return "midnight"
	case hour == 12:
		return "noon"
	case hour < 12:
		return fmt.Sprintf("%d am", hour)
	default:
		return fmt.Sprintf("%d pm", hour-12)
	}
}

// during writes the hour that begins at the given one.
func during(hour int) string {
	begin, end := clock(hour), clock((hour+1)%24)
	// "5 to 6 am", but "11 am to noon".
	if n := len(begin) - 3; n > 0 && len(end) > 3 && begin[n:] == end[len(end)-3:] {
		begin = begin[:n]
	}
	return begin + " to " + end
}

// lateness writes a delay in minutes.
func lateness(delay int) string {
	switch {
	case delay == 0:
		return "on the minute"
	case delay < 0:
		return minutes(-delay) + " early"
	default:
		return minutes(delay) + " late"
	}
}

// minutes writes a length of time.
func minutes(n int) string {
	if n == 1 {
		return "1 minute"
	}
	return thousands(n) + " minutes"
}

// oneIn writes a share as people say it: 0.199 is "one in five".
func oneIn(share float64) string {
	names := [...]string{2: "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if share <= 0 {
		return "none"
	}
	n := int(1/share + 0.5)
	if n < 2 || n >= len(names) {
		return percent(share)
	}
	return "one in " + names[n] //nolint:gosec // n is in range
}

var weekdayNames = [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// familiar has the cities that people look for at airports in smaller places.
var familiar = map[string]string{
	"BDL": "Hartford", "CVG": "Cincinnati", "DCA": "Washington", "IAD": "Washington", "SNA": "Orange County",
}

// Label names an airport in a few letters: "Chicago ORD".
func (a Airport) Label() string {
	if city, is := familiar[a.Code]; is {
		return city + " " + a.Code
	}
	return a.City + " " + a.Code
}
