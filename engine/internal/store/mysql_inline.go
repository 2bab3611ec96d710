package store

import (
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// inlineValues puts a batch's values in place of v's columns in a text: MySQL and
// MariaDB update through a join by way of a temporary table, which is on disk if
// there is a text in it. Each column becomes an expression that chooses among the
// rows by the first of them, which is the one named key in the statement, or if all
// rows have the same value, that. {keys} becomes the list of the first column's.
func (d mysql) inlineValues(text, key string, b *batch) bun.Safe {
	keys := d.literals(b.values(0))
	field := "FIELD(" + key + ", " + keys + ")"
	pairs := []string{"{keys}", keys}
	for k := len(b.columns) - 1; k >= 0; k-- { // a name that begins like another comes after it
		pairs = append(pairs, "v."+b.columns[k].name, d.chosen(field, b.columns[k].kind, b.values(k)))
	}
	return bun.Safe(strings.NewReplacer(pairs...).Replace(text))
}

// chosen returns the expression for one of the values of a column.
func (d mysql) chosen(field string, kind columnKind, values []any) string {
	if !slices.ContainsFunc(values, func(v any) bool { return v != values[0] }) {
		return d.literals(values[:1])
	}
	choice := "ELT(" + field + ", " + d.literals(values) + ")"
	if kind == integers || kind == floats {
		return "(" + choice + " + 0)"
	}
	return choice
}

// literals returns values as they stand in a statement.
func (d mysql) literals(values []any) string {
	return d.db.NewRaw("?"+strings.Repeat(", ?", len(values)-1), values...).String()
}
