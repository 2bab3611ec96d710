package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"strings"
)

// table encodes columns of equal length. ../README.md describes the format, and
// examples/flights/columns.go decodes it.
type table struct {
	rows    int
	header  strings.Builder
	columns bytes.Buffer
}

// plain adds a column of integers.
func (t *table) plain(name string, values []int64) {
	fmt.Fprintf(&t.header, "column %s plain\n", name)
	t.append(values)
}

// delta adds a column of integers as the differences to the previous row, the first
// one to 0. These are small if the rows are sorted by this column.
func (t *table) delta(name string, values []int64) {
	fmt.Fprintf(&t.header, "column %s delta\n", name)
	differences := make([]int64, len(values))
	last := int64(0)
	for i, v := range values {
		differences[i], last = v-last, v
	}
	t.append(differences)
}

// words adds a column of indexes in a list of words.
func (t *table) words(name string, list []string, values []int64) {
	fmt.Fprintf(&t.header, "column %s words %s\n", name, strings.Join(list, " "))
	t.append(values)
}

func (t *table) append(values []int64) {
	if len(values) != t.rows {
		panic(fmt.Sprintf("a column of %d values in a table of %d rows", len(values), t.rows))
	}
	var buf [binary.MaxVarintLen64]byte
	for _, v := range values {
		t.columns.Write(buf[:binary.PutVarint(buf[:], v)])
	}
}

// encode returns the compressed table.
func (t *table) encode() ([]byte, error) {
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(compressed, "columns 1\nrows %d\n%s\n", t.rows, t.header.String())
	if _, err := compressed.Write(t.columns.Bytes()); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
