// Package progress turns the advance of a few weighted phases into one number
// that never falls, with an estimate of the time that is left. It is usable
// alone: it knows nothing of jobs, steps or databases.
//
// A [Tracker] is made from the list of phases, which is known before the work
// begins; the work then says what it does ([Tracker.Start], [Tracker.Set],
// [Tracker.Done]), and the total goes out through [OnUpdate], throttled, or is
// read with [Tracker.Snapshot]. Work that an earlier run did counts towards the
// total and not towards this run's speed ([Tracker.Restore]).
//
// It may import the standard library and nothing else.
package progress
