package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// column is a column of a batch.
type column struct {
	name string
	kind columnKind
}

// columnKind is what a batch's column holds.
type columnKind int

const (
	texts columnKind = iota
	ids
	integers
	floats
	documents // JSON, given as its text
)

// batch is the rows that a statement works on: of values for the columns, string,
// int, int64 and float64, or nil for NULL. A statement is given them as one
// argument, so that its text is the same for any number of rows; on MySQL, it has
// them in its text.
type batch struct {
	columns []column
	rows    [][]any
}

// add appends a row.
func (b *batch) add(values ...any) { b.rows = append(b.rows, values) }

// and returns the batch with another column, of the same value in each row.
func (b *batch) and(c column, value any) *batch {
	wider := &batch{columns: append(slices.Clone(b.columns), c)}
	for _, row := range b.rows {
		wider.add(append(slices.Clone(row), value)...)
	}
	return wider
}

// values returns the values of the k-th column.
func (b *batch) values(k int) []any {
	values := make([]any, len(b.rows))
	for i, row := range b.rows {
		values[i] = row[k]
	}
	return values
}

// objects returns the rows as JSON objects with the columns' names as keys, without
// line breaks. A key that is missing is NULL.
func (b *batch) objects() []string {
	objects := make([]string, len(b.rows))
	var row []byte
	for i, values := range b.rows {
		row = row[:0]
		separator := byte('{')
		for k, value := range values {
			if value == nil {
				continue
			}
			row = append(append(append(row, separator, '"'), b.columns[k].name...), '"', ':')
			row = appendValue(row, b.columns[k].kind, value)
			separator = ','
		}
		objects[i] = string(append(row, '}'))
	}
	return objects
}

func appendValue(row []byte, kind columnKind, value any) []byte {
	switch value := value.(type) {
	case int:
		return strconv.AppendInt(row, int64(value), 10)
	case int64:
		return strconv.AppendInt(row, value, 10)
	case float64:
		return strconv.AppendFloat(row, value, 'g', -1, 64)
	case string:
		if kind == documents {
			return append(row, strings.ReplaceAll(value, "\n", " ")...) // in JSON, it can only be space
		}
		return appendText(row, value)
	default:
		panic(fmt.Sprintf("a batch with a %T", value))
	}
}

// appendText appends a text as a JSON string.
func appendText(row []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			raw, err := json.Marshal(text)
			if err != nil {
				panic(err) // of a text
			}
			return append(row, raw...)
		}
	}
	return append(append(append(row, '"'), text...), '"')
}

// idTexts returns ids as texts, which all databases compare them with.
func idTexts(ids []uuid.UUID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}
