package view

import (
	"encoding/json"
	"strings"
	"unicode"
)

// Clean returns text from a row fit for one line of a terminal: it may hold line
// breaks, and sequences that move the cursor or worse.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		default:
			return r
		}
	}, text)
}

// CleanLines is [Clean] for text that may have several lines.
func CleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.ReplaceAll(Clean(line), "\t", "  "), " ")
	}
	return strings.Join(lines, "\n")
}

// firstLine returns the first line of text, clean.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return Clean(line)
}

// shorten cuts text to that many characters.
func shorten(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// shortJSON returns a JSON value on one line, cut.
func shortJSON(raw json.RawMessage, limit int) string {
	return shorten(Clean(string(raw)), limit)
}

// dash returns the text, or a dash if it is empty.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// yesNo returns an answer as a word.
func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
