package flights

import (
	"fmt"
	"strconv"
)

// percent formats a share of 0 to 1 as a percentage.
func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// between formats an interval of shares.
func between(low, high float64) string { return fmt.Sprintf("%.1f%% to %.1f%%", 100*low, 100*high) }

// thousands formats a number with commas: 1,000.
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

// clock formats an hour of the day, 0 to 24.
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

// during formats the hour that starts at the given one: "5 to 6 am".
func during(hour int) string {
	begin, end := clock(hour), clock((hour+1)%24)
	// "5 to 6 am", but "11 am to noon".
	if n := len(begin) - 3; n > 0 && len(end) > 3 && begin[n:] == end[len(end)-3:] {
		begin = begin[:n]
	}
	return begin + " to " + end
}

// lateness formats a delay in minutes.
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

// minutes formats a duration in minutes.
func minutes(n int) string {
	if n == 1 {
		return "1 minute"
	}
	return thousands(n) + " minutes"
}

// oneIn formats a share as a phrase: 0.199 is "one in five".
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

// cityNames holds better known cities for airports whose own city is smaller.
var cityNames = map[string]string{
	"BDL": "Hartford", "CVG": "Cincinnati", "DCA": "Washington", "IAD": "Washington", "SNA": "Orange County",
}

// Label returns a short name of the airport: "Chicago ORD".
func (a Airport) Label() string {
	if city, ok := cityNames[a.Code]; ok {
		return city + " " + a.Code
	}
	return a.City + " " + a.Code
}
