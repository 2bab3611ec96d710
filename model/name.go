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

// CheckName returns an error if text cannot be the name of a job type, a step or a
// signal: it is empty, is not UTF-8, is longer than [MaxName], begins or ends with a
// space, or has characters that cannot be printed. The error is a phrase without a
// subject: "is empty".
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

// CutText returns text as every database can store it: valid UTF-8, without NUL, and
// at most limit characters long, limit being 1 or more. Bytes that are not UTF-8
// become U+FFFD, and a text that was cut ends with "…". It never fails, so that a
// write cannot fail because of a message or an error text.
func CutText(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if len(text) <= limit || utf8.RuneCountInString(text) <= limit {
		return text
	}
	const mark = "…"
	return string([]rune(text)[:limit-1]) + mark
}
