package store

import (
	"strconv"
	"strings"
)

// dollarPath returns a path as SQLite, MySQL and MariaDB write it.
func dollarPath(p Path) string {
	if p.Index < 0 {
		return "$." + p.Key
	}
	return "$." + p.Key + "[" + strconv.Itoa(p.Index) + "]"
}

// jsonSet returns the call there that applies the patches of a batch's row to the
// document of j, all of them at once.
func jsonSet(patches int) string {
	if patches == 0 {
		return "j.data"
	}
	var call strings.Builder
	call.WriteString("JSON_SET(j.data")
	for i := range patches {
		path, value := patchColumns(i)
		call.WriteString(", v." + path + ", {json_part v." + value + "}")
	}
	return call.String() + ")"
}
