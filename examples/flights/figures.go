package flights

// Figures holds the numbers of the report, except those that Bootstrap computes.
// They describe the dated sample unless they say otherwise.
type Figures struct {
	Dated Spread `json:"dated"`
	// Official counts flights as late as the Department of Transportation does: from
	// 15 minutes on.
	Official Count `json:"official"`
	// Undated describes the undated sample, FirstQuarter the dated flights of January
	// to March, which are similar.
	Undated      Spread `json:"undated"`
	FirstQuarter Spread `json:"first_quarter"`
	// Hours has an entry for each hour of the day, from 0.
	Hours [24]Hour `json:"hours"`
	// Weekdays starts with Monday, Months with January.
	Weekdays  [7]Count   `json:"weekdays"`
	Months    [6]Count   `json:"months"`
	Days      []Day      `json:"days"`
	Distances []Distance `json:"distances"`
	// Airports holds all airports that flights leave from, in the order of their
	// codes.
	Airports []AirportFigures `json:"airports"`
}

// Hour describes the flights that left in one hour of the day.
type Hour struct {
	Spread
	// Planned counts the flights that were planned to leave in this hour. The planned
	// time is approximate: the actual departure minus the delay.
	Planned Count `json:"planned"`
	// Undated and FirstQuarter have the same meaning as in Figures.
	Undated      Count `json:"undated"`
	FirstQuarter Count `json:"first_quarter"`
}

// Day is one day of the period.
type Day struct {
	Date    string `json:"date"`    // such as 2001-05-31
	Weekday int    `json:"weekday"` // 0 is Monday
	Count
}

// Distance describes the flights of at least From and less than To miles. To is 0 in
// the last band, which has no upper bound. Bands without flights are omitted.
type Distance struct {
	From  int `json:"from"`
	To    int `json:"to"`
	Miles int `json:"miles"` // the median
	Spread
}

// AirportFigures describes the flights that left one airport.
type AirportFigures struct {
	Airport
	Spread
	// Expected is the share of late flights if, in each hour, the airport had the
	// same share of late flights as the whole country.
	Expected float64   `json:"expected"`
	Hours    [24]Count `json:"hours"`
}

// minFlights is the number of flights in the dated sample that an airport needs to
// be ranked. It is about 33 departures a day in the complete data.
const minFlights = 400

// ranked returns the airports with at least minimum flights.
func (f *Figures) ranked(minimum int) []AirportFigures {
	var ranked []AirportFigures
	for _, airport := range f.Airports {
		if airport.Flights >= minimum {
			ranked = append(ranked, airport)
		}
	}
	return ranked
}
