package flights

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Airport is an airport in the list of the Federal Aviation Administration.
type Airport struct {
	Code      string  `json:"code"` // IATA, three letters
	Name      string  `json:"name"`
	City      string  `json:"city"`
	State     string  `json:"state"`
	Latitude  float64 `json:"latitude"`  // degrees, north is positive
	Longitude float64 `json:"longitude"` // degrees, east is positive
}

// readAirports reads airports.csv.
func readAirports(content []byte) ([]Airport, error) {
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 || strings.Join(lines[0], ",") != "iata,name,city,state,country,latitude,longitude" {
		return nil, fmt.Errorf("the first line is not the header with the columns iata to longitude")
	}
	airports := make([]Airport, 0, len(lines)-1)
	for n, line := range lines[1:] {
		latitude, err := strconv.ParseFloat(line[5], 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: latitude: %w", n+2, err)
		}
		longitude, err := strconv.ParseFloat(line[6], 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: longitude: %w", n+2, err)
		}
		airports = append(airports, Airport{
			Code: line[0], Name: line[1], City: line[2], State: line[3],
			Latitude: latitude, Longitude: longitude,
		})
	}
	return airports, nil
}

// milesTo returns the length of the great circle between two airports, in statute
// miles.
func (a Airport) milesTo(b Airport) float64 {
	const earthRadius = 3958.8
	lat1, lat2 := radians(a.Latitude), radians(b.Latitude)
	north := math.Sin((lat2 - lat1) / 2)
	east := math.Sin(radians(b.Longitude-a.Longitude) / 2)
	h := north*north + math.Cos(lat1)*math.Cos(lat2)*east*east
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
