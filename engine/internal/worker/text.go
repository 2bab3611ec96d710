package worker

import (
	"strings"
	"unicode/utf8"
)

// cut makes text fit for every database: valid UTF-8, no NUL, and no longer
// than that many characters. It never fails.
func cut(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if len(text) <= limit || utf8.RuneCountInString(text) <= limit {
		return text
	}
	const mark = "…"
	return string([]rune(text)[:limit-1]) + mark
}
