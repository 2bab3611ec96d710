package progress

import "time"

// Update is the state of a [Tracker] at one moment.
type Update struct {
	// Fraction is the completed fraction of all work, from 0 to 1. It never falls,
	// and is 1 only when all phases are done.
	Fraction float64
	// Phase is the name of the current phase: the open phase that was started last
	// or, if none is open, the one that was current before. It is empty until a
	// phase is started.
	Phase string
	// PhaseFraction is the completed fraction of Phase, from 0 to 1.
	PhaseFraction float64
	// Message is the latest message of Phase.
	Message string
	// Elapsed is the time since [New]. It stops when all phases are done.
	Elapsed time.Duration
	// Remaining is the estimated time until all phases are done: it is as likely to be
	// too long as too short. It has no meaning if Source is [SourceUnknown].
	Remaining time.Duration
	// RemainingP90 is the time that the remaining one exceeds in one of ten runs; 0 if
	// that is not known, because [History] has fewer than three runs.
	RemainingP90 time.Duration
	// Source is what Remaining was estimated from. If that is more than one, it is
	// the source of the largest part.
	Source ETASource
}

// ETASource names what a remaining time was estimated from.
type ETASource string

// The sources of an estimate, the best first.
const (
	// SourceReported means the caller's own estimates; see [Tracker.SetRemaining].
	SourceReported ETASource = "reported"
	// SourceHistory means mostly the earlier runs given with [History].
	SourceHistory ETASource = "history"
	// SourceObserved means mostly the pace of this run so far.
	SourceObserved ETASource = "observed"
	// SourceUnknown means that there is no estimate.
	SourceUnknown ETASource = "unknown"
)
