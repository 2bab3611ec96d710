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

// sampleInterval is the distance between two flights of flights-3m.parquet that are
// kept. The file is sorted by departure, so all days are sampled equally.
const sampleInterval = 15

// epoch is minute 0 of the column "minute".
var epoch = time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC)

// datedFlights returns a table with every 15th flight of flights-3m.parquet, and the
// sorted codes of their airports.
func datedFlights(pkg *npmPackage) (content []byte, codes []string, err error) {
	source, err := pkg.read("flights-3m.parquet")
	if err != nil {
		return nil, nil, err
	}
	var minutes, delays, distances []int64
	var origins, destinations []string
	err = eachRow(source, func(n int, row parquet.Row) error {
		if n%sampleInterval != 0 {
			return nil
		}
		departed := time.UnixMicro(row[0].Int64())
		if departed.Truncate(time.Minute) != departed {
			return fmt.Errorf("row %d departs at %s, which is not a whole minute", n, departed.UTC())
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
	t.words("origin", codes, indexes(codes, origins))
	t.words("destination", codes, indexes(codes, destinations))
	content, err = t.encode()
	return content, codes, err
}

// eachRow calls visit for each row of a Parquet file, in order. A row with an empty
// field is an error, because a table cannot represent an unknown value.
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
			read, err := rows.ReadRows(buf)
			for _, row := range buf[:read] {
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

// indexes returns the index of each word in the sorted list.
func indexes(list, words []string) []int64 {
	found := make([]int64, len(words))
	for i, word := range words {
		index, _ := slices.BinarySearch(list, word)
		found[i] = int64(index)
	}
	return found
}
