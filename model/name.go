package model

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a job type, a step or a signal, in characters.
const MaxName = 128

// CheckName reports why text cannot name a job type, a step or a signal: it is empty,
// longer than [MaxName], begins or ends with a space, or has characters that
// cannot be printed.
func CheckName(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case !utf8.ValidString(text):
		return errors.New("is not valid UTF-8")
	case utf8.RuneCountInString(text) > MaxName:
		return fmt.Errorf("is longer than %d characters", MaxName)
	case strings.TrimSpace(text) != text:
		return errors.New("begins or ends with a space")
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("has a character that cannot be printed")
	default:
		return nil
	}
}

// CutText makes text fit for every database: valid UTF-8, no NUL, and no longer than
// that many characters, the last of which is "…" where some are missing. It never
// fails.
func CutText(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if len(text) <= limit || utf8.RuneCountInString(text) <= limit {
		return text
	}
	const mark = "…"
	return string([]rune(text)[:limit-1]) + mark
}
