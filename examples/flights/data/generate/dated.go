package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
)

// every is how many flights of flights-3m.parquet stand behind one that is
// kept. The file is in order of departure, so this takes from all days alike.
const every = 15

// epoch is minute 0 of the column "minute".
var epoch = time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC)

// datedFlights keeps every 15th flight of flights-3m.parquet, and returns the
// codes of the airports that occur, sorted.
func datedFlights(pkg *npmPackage) (packed []byte, codes []string, err error) {
	content, err := pkg.read("flights-3m.parquet")
	if err != nil {
		return nil, nil, err
	}
	var minutes, delays, distances []int64
	var origins, destinations []string
	err = eachRow(content, func(n int, row parquet.Row) error {
		if n%every != 0 {
			return nil
		}
		departed := time.UnixMicro(row[0].Int64())
		if departed.Truncate(time.Minute) != departed {
			return fmt.Errorf("row %d leaves at %s, which is no whole minute", n, departed.UTC())
		}
		minutes = append(minutes, int64(departed.Sub(epoch)/time.Minute))
		delays = append(delays, row[1].Int64())
		distances = append(distances, row[2].Int64())
		origins = append(origins, row[3].String())
		destinations = append(destinations, row[4].String())
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	codes = slices.Concat(origins, destinations)
	slices.Sort(codes)
	codes = slices.Compact(codes)

	t := table{rows: len(minutes)}
	t.delta("minute", minutes)
	t.plain("delay", delays)
	t.plain("distance", distances)
	t.words("origin", codes, places(codes, origins))
	t.words("destination", codes, places(codes, destinations))
	packed, err = t.pack()
	return packed, codes, err
}

// eachRow gives all rows of a Parquet file to visit, in order. A row with an
// empty field is an error: the sample has no way to say "not known".
func eachRow(content []byte, visit func(n int, row parquet.Row) error) error {
	file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	n := 0
	for _, group := range file.RowGroups() {
		rows := group.Rows()
		defer rows.Close()
		buf := make([]parquet.Row, 1000)
		for {
			got, err := rows.ReadRows(buf)
			for _, row := range buf[:got] {
				if slices.ContainsFunc(row, parquet.Value.IsNull) {
					return fmt.Errorf("row %d has an empty field: %v", n, row)
				}
				if err := visit(n, row); err != nil {
					return err
				}
				n++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// places returns where in the sorted list each word stands.
func places(list, words []string) []int64 {
	found := make([]int64, len(words))
	for i, word := range words {
		place, _ := slices.BinarySearch(list, word)
		found[i] = int64(place)
	}
	return found
}
