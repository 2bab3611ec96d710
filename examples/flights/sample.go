package flights

import "time"

// Sample is a number of flights in columns: row i of each column belongs to
// flight i, and all columns that are not nil are equally long.
type Sample struct {
	// Minute is when the flight left, by the clock at the airport it left
	// from: minutes since the beginning of 2001 in the dated sample, minutes
	// since midnight of an unknown day in the undated one.
	Minute []int32
	// Delay is how late it arrived, in minutes; less than 0 is early.
	Delay []int32
	// Miles is how far it flew.
	Miles []int32
	// Origin and Destination are places in a list of airports. Both are nil
	// in the undated sample.
	Origin, Destination []int32
}

// Len is the number of flights.
func (s *Sample) Len() int { return len(s.Minute) }

// Dated tells whether the flights have a date and airports.
func (s *Sample) Dated() bool { return s.Origin != nil }

// hour is the hour of the day, 0 to 23, in which flight i left.
func (s *Sample) hour(i int) int { return int(s.Minute[i]) % minutesPerDay / 60 }

// day is the number of days from the beginning of 2001 to flight i.
func (s *Sample) day(i int) int { return int(s.Minute[i]) / minutesPerDay }

// keep appends flight i of another sample of the same kind.
func (s *Sample) keep(from *Sample, i int) {
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
	// days is the length of the period that the data covers: the first half
	// of 2001.
	days = 181
	// lateAfter is how many minutes a flight may be late and still count as
	// on time.
	lateAfter = 15
)

// dateOf is the date of a day counted from the beginning of 2001.
func dateOf(day int) time.Time {
	return time.Date(2001, time.January, 1+day, 0, 0, 0, 0, time.UTC)
}
