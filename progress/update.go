package progress

import "time"

// Update is the state of a [Tracker] at one moment.
type Update struct {
	// Fraction is the completed share of the whole, 0 to 1. It never falls,
	// and is 1 when all phases are done and not before.
	Fraction float64
	// Phase is the current phase: the one that was started last of those not
	// done, or, between two phases and at the end, the one that was current
	// last. Empty before the first start.
	Phase string
	// PhaseFraction is how far Phase is, 0 to 1.
	PhaseFraction float64
	// Message is the latest that was said of Phase.
	Message string
	// Elapsed is the time since [New], up to the end once all phases are done.
	Elapsed time.Duration
	// Remaining is the estimated time to the end. It means nothing when Source
	// is [SourceUnknown].
	Remaining time.Duration
	// Source says what Remaining was estimated from, its largest part if from
	// several.
	Source ETASource
}

// ETASource says where an estimate comes from.
type ETASource string

// The sources of an estimate, the best first.
const (
	// SourceReported is what the phases have said themselves: [Tracker.SetRemaining].
	SourceReported ETASource = "reported"
	// SourceHistory is the typical durations given with [History].
	SourceHistory ETASource = "history"
	// SourceObserved is the speed of this run so far.
	SourceObserved ETASource = "observed"
	// SourceUnknown is none: there is no estimate.
	SourceUnknown ETASource = "unknown"
)
