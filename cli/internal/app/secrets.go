package app

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// secrets are the texts of a call that may hold a password, wherever on the
// command line they stand: people put a DSN where a command belongs, or behind a
// mistyped flag, and the complaint about it must not show it.
type secrets []string

// dsnLike matches what a DSN of some tool looks like: a URL, or user:password@.
var dsnLike = regexp.MustCompile(`://|:.*@`)

func newSecrets(texts []string) secrets {
	var found secrets
	add := func(text string) {
		if dsnLike.MatchString(text) && dsn.HasSecret(text) {
			found = append(found, text)
		}
	}
	for _, text := range texts {
		add(text)
		add(strings.TrimPrefix(text, "@")) // --data @FILE
		if _, value, ok := strings.Cut(text, "="); ok && strings.HasPrefix(text, "-") {
			add(value)
		}
		for part := range strings.SplitSeq(text, ",") { // --status A,B
			add(part)
		}
	}
	// The longest first: one may be a part of another.
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return found
}

// hide replaces them in a message, as they are and as %q writes them.
func (s secrets) hide(message string) string {
	for _, text := range s {
		quoted := strings.Trim(strconv.Quote(text), `"`)
		shown := dsn.Redact(text)
		message = strings.ReplaceAll(message, quoted, shown)
		message = strings.ReplaceAll(message, text, shown)
	}
	return message
}
