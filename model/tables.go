package model

import (
	"fmt"
	"regexp"
	"strings"
)

// MaxTablePrefix is the largest length of a prefix of tables: the names of their indexes
// and constraints fit into the 63 characters that PostgreSQL allows.
const MaxTablePrefix = 20

// Tables are the names of the job system's tables in a database: a prefix, so that several
// job systems fit into one, and the usual names. The zero value has no prefix.
type Tables struct{ prefix string }

var (
	prefixForm = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	ourNames   = regexp.MustCompile(`\bjob_(?:system_|type_lock)`)
)

// TablesWithPrefix returns the tables whose names begin with a prefix: at most
// [MaxTablePrefix] lower-case letters, digits and underscores, no digit first. An empty
// one is that of the zero value.
func TablesWithPrefix(prefix string) (Tables, error) {
	if prefix != "" && !prefixForm.MatchString(prefix) {
		return Tables{}, fmt.Errorf("table prefix %q: want lower-case letters, digits and underscores, and no digit first", prefix)
	}
	if len(prefix) > MaxTablePrefix {
		return Tables{}, fmt.Errorf("table prefix %q has %d characters: want at most %d", prefix, len(prefix), MaxTablePrefix)
	}
	return Tables{prefix}, nil
}

// Prefix returns what the names begin with.
func (t Tables) Prefix() string { return t.prefix }

// Usual returns the usual name of a table, an index or a constraint with one of these names.
func (t Tables) Usual(name string) string { return strings.TrimPrefix(name, t.prefix) }

// In returns a text, such as a statement, with the names of these tables in place of the
// usual ones, also where they are the beginning of the name of an index or a constraint. A
// new table is to be named in ourNames.
func (t Tables) In(text string) string {
	if t.prefix == "" {
		return text
	}
	return ourNames.ReplaceAllString(text, t.prefix+"$0")
}
