package view

import (
	"regexp"
	"strings"
)

// plainWord matches what no shell gives a meaning of its own.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-]+$`)

// ShellWord returns a text as one word of a POSIX shell.
func ShellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
