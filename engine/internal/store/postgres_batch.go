package store

import "strings"

var postgresTypes = [...]string{texts: "text", ids: "uuid", integers: "bigint", floats: "double precision", documents: "jsonb"}

// postgresTable returns a batch's rows as a table v: the argument is a line of JSON
// for each. The condition is always true, but the planner estimates that it holds
// for few rows: whatever it knows of the tables, it finds the rows there by their
// keys, and needs no other plan for other arguments.
func postgresTable(columns []column) string {
	const table = `
(
	SELECT r.*
	FROM unnest(string_to_array(?, E'\n')) AS line,
		json_to_record(line::json) AS r ({columns})
	WHERE line || '' = line
) AS v`
	typed := make([]string, len(columns))
	for i, c := range columns {
		typed[i] = c.name + " " + postgresTypes[c.kind]
	}
	return words{"columns": strings.Join(typed, ", ")}.put(table)
}

// lines joins texts that hold no line break: rows of JSON, ids and names of types.
func lines(items []string) string { return strings.Join(items, "\n") }
