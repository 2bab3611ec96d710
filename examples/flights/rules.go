package flights

import "math"

// The bounds of the rules. They are wide: a rule drops impossible data, not unusual
// data.
const (
	minMiles, maxMiles = 10, 6_000
	minDelay, maxDelay = -120, 24 * 60
	// A flight's distance may differ from the great circle between its airports by
	// this much, because the Bureau measured distances with another list of airports.
	maxMilesOff, maxShareOff = 30, 0.05
)

// rule is a reason to drop a flight.
type rule struct {
	name, why string
	breaks    func(s *Sample, i int) bool
	// dated is true for a rule that applies only to dated samples.
	dated bool
}

// rulesFor returns the rules in the order in which they are applied. A flight is
// counted for the first rule that it breaks. Each sample needs its own rules,
// because they keep state.
func rulesFor(data *raw) []rule {
	known := make(map[string]Airport, len(data.Airports))
	for _, airport := range data.Airports {
		known[airport.Code] = airport
	}
	unknown := func(code int32) bool {
		_, ok := known[data.Codes[code]]
		return !ok
	}
	return []rule{{
		name: "outside the period", why: "leaves before 1 January or after 30 June 2001, or at no time of the day",
		breaks: outsidePeriod,
	}, {
		name: "unknown airport", why: "leaves from or goes to an airport that is not in the list",
		dated:  true,
		breaks: func(s *Sample, i int) bool { return unknown(s.Origin[i]) || unknown(s.Destination[i]) },
	}, {
		name: "goes nowhere", why: "has the same origin and destination",
		dated:  true,
		breaks: func(s *Sample, i int) bool { return s.Origin[i] == s.Destination[i] },
	}, {
		name: "impossible distance", why: "is shorter than 10 or longer than 6,000 miles",
		breaks: func(s *Sample, i int) bool { return s.Miles[i] < minMiles || s.Miles[i] > maxMiles },
	}, {
		name: "contradicts the map", why: "flies a distance that is not the one between its airports (more than 30 miles and 5% off)",
		dated: true,
		breaks: func(s *Sample, i int) bool {
			miles := known[data.Codes[s.Origin[i]]].milesTo(known[data.Codes[s.Destination[i]]])
			return math.Abs(miles-float64(s.Miles[i])) > max(maxMilesOff, maxShareOff*miles)
		},
	}, {
		name: "absurd delay", why: "arrives over 2 hours early or over 24 hours late",
		breaks: func(s *Sample, i int) bool { return s.Delay[i] < minDelay || s.Delay[i] > maxDelay },
	}, {
		name: "listed twice", why: "is equal to an earlier flight in minute, route and delay",
		dated:  true,
		breaks: isDuplicate(),
	}}
}

func outsidePeriod(s *Sample, i int) bool {
	end := int32(days * minutesPerDay)
	if !s.Dated() {
		end = minutesPerDay
	}
	return s.Minute[i] < 0 || s.Minute[i] >= end
}

func isDuplicate() func(s *Sample, i int) bool {
	type flight struct{ minute, origin, destination, delay int32 }
	seen := map[flight]bool{}
	return func(s *Sample, i int) bool {
		this := flight{s.Minute[i], s.Origin[i], s.Destination[i], s.Delay[i]}
		if seen[this] {
			return true
		}
		seen[this] = true
		return false
	}
}
