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
// It may import the standard library and nothing else.
package progress
