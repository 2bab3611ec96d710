package view

import (
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

// when returns a time: how long ago it was on a terminal, RFC 3339 elsewhere.
func (p *Printer) when(t model.Time) string {
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
func (p *Printer) at(t model.Time) string {
	if p.terminal {
		return p.when(t)
	}
	return "at " + p.when(t)
}

// relative returns a time as people say it: "3m ago", "in 5s".
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
