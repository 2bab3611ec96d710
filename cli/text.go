package cli

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

// when tells a time: how long ago it is on a terminal, RFC 3339 elsewhere.
func (p *printer) when(t model.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case p.terminal:
		return relative(t.Time, p.now())
	default:
		return t.UTC().Format(time.RFC3339)
	}
}

// at is when within a sentence: "3m ago", "at 2026-10-01T06:00:00Z".
func (p *printer) at(t model.Time) string {
	if p.terminal {
		return p.when(t)
	}
	return "at " + p.when(t)
}

// relative tells a time as people say it: "3m ago", "in 5s".
func relative(t, now time.Time) string {
	switch d := now.Sub(t).Truncate(time.Second); {
	case d > 0:
		return progress.Humanize(d) + " ago"
	case d < 0:
		return "in " + progress.Humanize(-d)
	default:
		return "just now"
	}
}

// clean makes text from a row fit for one line of a terminal: it may hold line
// breaks, and sequences that move the cursor or worse.
func clean(text string) string {
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

// cleanLines is clean for text that may have several lines.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.ReplaceAll(clean(line), "\t", "  "), " ")
	}
	return strings.Join(lines, "\n")
}

// firstLine returns the first line of text, clean.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return clean(line)
}

// shorten cuts text to that many characters.
func shorten(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// shortJSON tells a JSON value on one line, cut.
func shortJSON(raw json.RawMessage, limit int) string {
	return shorten(clean(string(raw)), limit)
}
