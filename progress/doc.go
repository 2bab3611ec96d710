// Package progress combines the progress of a few weighted phases into one
// fraction that never falls, and estimates the remaining time. It can be used
// alone: it does not depend on jobs, steps or databases.
//
// Create a [Tracker] from the list of phases, which is known before the work
// begins. Report the progress of each phase with [Tracker.Start],
// [Tracker.Set] and [Tracker.Done]. Receive the total through [OnUpdate],
// throttled, or read it with [Tracker.Snapshot]. Work that an earlier run
// completed counts towards the total but not towards this run's speed; see
// [Tracker.Restore].
//
// # The estimate
//
// The remaining time is what earlier runs took for what is left, at the pace of this run as far
// as that is credible: pace = Z x (this run's) + (1 - Z) x (the usual), where Z grows with what
// this run has shown and with how much earlier runs differed from each other. This is the
// credibility of actuaries: Bühlmann and Straub, "Glaubwürdigkeit für Schadensätze", 1970, in
// the hierarchical form of Jewell, "The use of collateral data in credibility theory", 1975, on
// the logarithms of times. Give it the earlier runs with [History]; [Tracker.Samples] returns
// what this run adds to them.
//
//   - There are three spreads: of the pace between runs, of a phase's time apart from its run's
//     pace, and within a phase, which is measured while it runs. Z is the share of the first
//     two in the whole, for the run's pace and for the open phase's.
//   - If a size is known ([Phase.Size], [Tracker.SetSize]), the usual time of a phase is that of
//     its size. It is proportional to it, unless earlier runs show otherwise; a phase whose size
//     is not known goes by the others', as far as it did in earlier runs.
//   - A phase that reports nothing is not scaled by the pace of those that do.
//   - A phase without history is guessed from its weight.
//   - What is overdue is expected at any moment, and the less so the longer it takes: what is
//     left of it is the conditional median, at most as long as it has already lasted. What
//     follows it stays.
//   - Without any history, the time until the last progress is extrapolated by weight.
//
// It works best when phases report often and evenly. How good it is, beside linear extrapolation
// and two well-known progress bars, is measured in package testutil/eta.
//
// It may import the standard library and nothing else.
package progress
