package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
)

// selectAirports returns the lines of airports.csv with one of codes, sorted by
// code, with all columns. Codes must be sorted. A code that is not in airports.csv
// is not an error: the report drops and counts its flights.
func selectAirports(pkg *npmPackage, codes []string) ([]byte, error) {
	content, err := pkg.read("airports.csv")
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, err
	}
	if want := []string{"iata", "name", "city", "state", "country", "latitude", "longitude"}; !slices.Equal(lines[0], want) {
		return nil, fmt.Errorf("the columns are %v: want %v", lines[0], want)
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
