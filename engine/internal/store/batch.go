package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
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
	documents // JSON, given as its text
)

// batch is rows of values for the columns, nil for NULL: string, int, int64 and
// float64.
type batch struct {
	columns []column
	rows    [][]any
}

// add appends a row.
func (b *batch) add(values ...any) { b.rows = append(b.rows, values) }

// objects are the rows as JSON objects with the columns' names as keys, without
// line breaks. What is missing in one is NULL.
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

// inlineValues puts the batch's values in place of v's columns in a text, where a
// statement cannot read a table of them at a fair price: MySQL and MariaDB
// update through a join by way of a temporary table, which is on disk if there
// is a text in it. Each becomes an expression that chooses by the batch's first
// column, which key is in the statement. {keys} and {owner} are put in as well.
func (s *Store) inlineValues(b *batch, key, text string, owner Owner) bun.Safe {
	keys := make([]any, len(b.rows))
	for i, row := range b.rows {
		keys[i] = row[0]
	}
	listed := s.literals(keys)
	field := "FIELD(" + key + ", " + listed + ")"
	pairs := []string{"{keys}", listed, "{owner}", s.literals([]any{owner.ID})}
	for k := len(b.columns) - 1; k >= 0; k-- { // a name that begins like another comes after it
		values := make([]any, len(b.rows))
		for i, row := range b.rows {
			values[i] = row[k]
		}
		pairs = append(pairs, "v."+b.columns[k].name, s.chosen(field, b.columns[k].kind, values))
	}
	return bun.Safe(strings.NewReplacer(pairs...).Replace(s.sql(text)))
}

func (s *Store) chosen(field string, kind columnKind, values []any) string {
	if !slices.ContainsFunc(values, func(v any) bool { return v != values[0] }) {
		return s.literals(values[:1])
	}
	choice := "ELT(" + field + ", " + s.literals(values) + ")"
	if kind == integers || kind == floats {
		return "(" + choice + " + 0)"
	}
	return choice
}

// literals are values as they stand in a statement.
func (s *Store) literals(values []any) string {
	return s.db.NewRaw("?"+strings.Repeat(", ?", len(values)-1), values...).String()
}
