package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"strings"
)

// table is a set of columns of equal length. ../README.md describes the format
// it is written in; examples/flights/columns.go reads it.
type table struct {
	rows    int
	head    strings.Builder
	columns bytes.Buffer
}

// plain adds a column of integers as they are.
func (t *table) plain(name string, values []int64) {
	fmt.Fprintf(&t.head, "column %s plain\n", name)
	t.append(values)
}

// delta adds a column as differences from the row before, the first one from 0:
// small numbers where the rows are in this column's order.
func (t *table) delta(name string, values []int64) {
	fmt.Fprintf(&t.head, "column %s delta\n", name)
	differences := make([]int64, len(values))
	last := int64(0)
	for i, v := range values {
		differences[i], last = v-last, v
	}
	t.append(differences)
}

// words adds a column of numbers that stand for the words of a list.
func (t *table) words(name string, list []string, values []int64) {
	fmt.Fprintf(&t.head, "column %s words %s\n", name, strings.Join(list, " "))
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

func (t *table) pack() ([]byte, error) {
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(packed, "columns 1\nrows %d\n%s\n", t.rows, t.head.String())
	if _, err := packed.Write(t.columns.Bytes()); err != nil {
		return nil, err
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
