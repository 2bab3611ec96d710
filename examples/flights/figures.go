package flights

// Figures are the report's numbers but for those that Bootstrap computes. All
// are about the dated sample where they do not say otherwise.
type Figures struct {
	Dated Spread `json:"dated"`
	// Official counts as late what the Department of Transportation does: 15
	// minutes and more.
	Official Count `json:"official"`
	// Undated is about the undated sample, and FirstQuarter about the dated
	// flights of January to March, which it turns out to be like.
	Undated      Spread `json:"undated"`
	FirstQuarter Spread `json:"first_quarter"`
	// Hours has an entry for each hour of the day, from 0.
	Hours [24]Hour `json:"hours"`
	// Weekdays begins with Monday, Months with January.
	Weekdays  [7]Count   `json:"weekdays"`
	Months    [6]Count   `json:"months"`
	Days      []Day      `json:"days"`
	Distances []Distance `json:"distances"`
	// Airports are all that flights leave from, in the order of their codes.
	Airports []AirportFigures `json:"airports"`
}

// Hour is about the flights that left in one hour of the day.
type Hour struct {
	Spread
	// Planned is about the flights that were, very nearly, meant to leave in
	// this hour: their delay has been taken off the time they left.
	Planned Count `json:"planned"`
	// Undated and FirstQuarter are as in Figures.
	Undated      Count `json:"undated"`
	FirstQuarter Count `json:"first_quarter"`
}

// Day is one day of the period.
type Day struct {
	Date    string `json:"date"`    // as in 2001-05-31
	Weekday int    `json:"weekday"` // 0 is Monday
	Count
}

// Distance is about flights of at least From and less than To miles. To is 0 in
// the last band, which is open. Bands without flights are left out.
type Distance struct {
	From  int `json:"from"`
	To    int `json:"to"`
	Miles int `json:"miles"` // the median
	Spread
}

// AirportFigures are about the flights that left one airport.
type AirportFigures struct {
	Airport
	Spread
	// Expected is the share that would have been late if the flights of each
	// hour had been late as often as they were in the whole country.
	Expected float64   `json:"expected"`
	Hours    [24]Count `json:"hours"`
}

// minFlights is how many flights of the dated sample an airport needs to be
// ranked: about 33 departures a day in all the data.
const minFlights = 400

// ranked returns the airports with at least that many flights.
func (f *Figures) ranked(flights int) []AirportFigures {
	var ranked []AirportFigures
	for _, airport := range f.Airports {
		if airport.Flights >= flights {
			ranked = append(ranked, airport)
		}
	}
	return ranked
}
