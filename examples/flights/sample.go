package flights

import "time"

// Sample holds flights in columns: element i of each column belongs to flight i,
// and all columns that are not nil have the same length.
type Sample struct {
	// Minute is the time of departure in local time: minutes since the beginning of
	// 2001 in the dated sample, minutes since midnight of an unknown day in the
	// undated one.
	Minute []int32
	// Delay is the delay of the arrival in minutes. It is negative for an early
	// arrival.
	Delay []int32
	// Miles is the distance in miles.
	Miles []int32
	// Origin and Destination are indexes in a list of airports. Both are nil in the
	// undated sample.
	Origin, Destination []int32
}

// Len returns the number of flights.
func (s *Sample) Len() int { return len(s.Minute) }

// Dated reports whether the flights have dates and airports.
func (s *Sample) Dated() bool { return s.Origin != nil }

// hour returns the hour of the day, 0 to 23, in which flight i left.
func (s *Sample) hour(i int) int { return int(s.Minute[i]) % minutesPerDay / 60 }

// day returns the number of days from the beginning of 2001 to flight i.
func (s *Sample) day(i int) int { return int(s.Minute[i]) / minutesPerDay }

// appendFrom appends flight i of another sample of the same kind.
func (s *Sample) appendFrom(from *Sample, i int) {
	s.Minute = append(s.Minute, from.Minute[i])
	s.Delay = append(s.Delay, from.Delay[i])
	s.Miles = append(s.Miles, from.Miles[i])
	if from.Dated() {
		s.Origin = append(s.Origin, from.Origin[i])
		s.Destination = append(s.Destination, from.Destination[i])
	}
}

const (
	minutesPerDay = 24 * 60
	// days is the number of days in the period of the data: the first half of 2001.
	days = 181
	// lateAfter is the largest delay, in minutes, of a flight that counts as on time.
	lateAfter = 15
)

// dateOf returns the date of a day, counted from 0 at the beginning of 2001.
func dateOf(day int) time.Time {
	return time.Date(2001, time.January, 1+day, 0, 0, 0, 0, time.UTC)
}
