package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
)

// airportsThatOccur keeps the lines of airports.csv whose code is in the list,
// in its order, with all their columns. A code that airports.csv does not know
// is not an error: the report's cleaning finds and counts such flights.
func airportsThatOccur(pkg *npmPackage, codes []string) ([]byte, error) {
	content, err := pkg.read("airports.csv")
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, err
	}
	if want := []string{"iata", "name", "city", "state", "country", "latitude", "longitude"}; !slices.Equal(lines[0], want) {
		return nil, fmt.Errorf("its columns are %v, and not %v", lines[0], want)
	}
	kept := slices.DeleteFunc(lines[1:], func(line []string) bool {
		_, occurs := slices.BinarySearch(codes, line[0])
		return !occurs
	})
	slices.SortFunc(kept, func(a, b []string) int { return bytes.Compare([]byte(a[0]), []byte(b[0])) })

	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.WriteAll(append([][]string{lines[0]}, kept...)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
