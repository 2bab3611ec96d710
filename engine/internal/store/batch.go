package store

import (
	"encoding/json"
	"strings"
)

// column is a column of a batch: rows that a statement is given as one
// argument, so that its text is the same whatever their number.
type column struct {
	name string
	kind columnKind
}

// columnKind is what a batch's column holds; the dialects have types for it.
type columnKind int

const (
	texts columnKind = iota
	ids
	integers
	floats
)

// batch is rows of JSON objects with the columns' names as keys. What is
// missing in a row is NULL.
type batch struct {
	columns []column
	rows    []string
}

// add appends a row: a value for each column, nil for NULL. Values are texts,
// integers and floats.
func (b *batch) add(values ...any) {
	var row strings.Builder
	separator := byte('{')
	for i, value := range values {
		if value == nil {
			continue
		}
		row.WriteByte(separator)
		separator = ','
		row.WriteString(`"` + b.columns[i].name + `":`)
		raw, err := json.Marshal(value)
		if err != nil {
			panic(err) // texts and finite numbers
		}
		row.Write(raw)
	}
	b.rows = append(b.rows, row.String()+"}")
}
