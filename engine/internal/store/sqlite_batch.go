package store

import (
	"encoding/json"
	"strings"
)

// sqliteTable returns a batch's rows as a table v: the argument is a JSON array of
// them.
func sqliteTable(columns []column) string {
	const table = `(SELECT {columns} FROM json_each(?)) AS v`
	selected := make([]string, len(columns))
	for i, c := range columns {
		get := " ->> "
		if c.kind == documents {
			get = " -> "
		}
		selected[i] = "value" + get + "'$." + c.name + "' AS " + c.name
	}
	return words{"columns": strings.Join(selected, ", ")}.put(table)
}

// jsonArray joins JSON texts to one.
func jsonArray(items []string) string { return "[" + strings.Join(items, ",") + "]" }

// jsonTexts returns a JSON array of texts.
func jsonTexts(items []string) string {
	raw, err := json.Marshal(items)
	if err != nil {
		panic(err) // of texts
	}
	return string(raw)
}
