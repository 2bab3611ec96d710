package progress_test

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/progress"
)

// twoEqualPhases returns a tracker of two phases of the same weight.
func twoEqualPhases(opts ...progress.Option) *progress.Tracker {
	tracker, err := progress.New([]progress.Phase{{Name: "read", Weight: 1}, {Name: "write", Weight: 1}}, opts...)
	if err != nil {
		panic(err)
	}
	return tracker
}

// Set ignores a fraction lower than before.
func ExampleTracker_Set() {
	tracker := twoEqualPhases()
	tracker.Set("read", 0.5, "half of the rows")
	tracker.Set("read", 0.25, "")
	fmt.Println(tracker.Snapshot().Fraction)
	// Output: 0.25
}

func ExampleTracker_Done() {
	tracker := twoEqualPhases()
	tracker.Done("read")
	fmt.Println(tracker.Snapshot().Fraction)
	// Output: 0.5
}

// The first half of the phase was completed before a restart.
func ExampleTracker_RestorePart() {
	tracker := twoEqualPhases()
	tracker.RestorePart("read", 0.5)
	fmt.Println(tracker.Snapshot().Fraction)
	// Output: 0.25
}

// The history can be set after the work has started.
func ExampleTracker_SetHistory() {
	tracker := twoEqualPhases()
	fmt.Println(tracker.Snapshot().Source)
	tracker.SetHistory(progress.Samples{"read": {Duration: time.Minute}, "write": {Duration: 2 * time.Minute}})
	u := tracker.Snapshot()
	fmt.Println(u.Source, u.Remaining)
	// Output:
	// unknown
	// history 3m0s
}

// The tool that does the work reports the remaining time itself.
func ExampleTracker_SetRemaining() {
	tracker, err := progress.New([]progress.Phase{{Name: "encode", Weight: 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	tracker.Set("encode", 0.2, "frame 200 of 1000")
	tracker.SetRemaining("encode", 40*time.Second)
	u := tracker.Snapshot()
	fmt.Println(u.Remaining.Round(time.Second), u.Source)
	// Output: 40s reported
}

// Phases of a group run at the same time, so the longest one counts.
func ExamplePhase() {
	tracker, err := progress.New(
		[]progress.Phase{{Name: "text", Weight: 1, Group: "render"}, {Name: "charts", Weight: 1, Group: "render"}, {Name: "send", Weight: 1}},
		progress.History(progress.Samples{"text": {Duration: 2 * time.Minute}, "charts": {Duration: 5 * time.Minute}, "send": {Duration: time.Minute}}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tracker.Snapshot().Remaining)
	// Output: 6m0s
}

func ExampleHistory() {
	tracker := twoEqualPhases(progress.History(progress.Samples{"read": {Duration: time.Minute}, "write": {Duration: 2 * time.Minute}}))
	fmt.Println(tracker.Snapshot().Remaining)
	// Output: 3m0s
}

// A test can set the time.
func ExampleClock() {
	now := time.Now()
	tracker := twoEqualPhases(progress.Clock(func() time.Time { return now }))
	tracker.Set("read", 0, "")
	now = now.Add(time.Minute)
	tracker.Done("read")
	u := tracker.Snapshot()
	fmt.Println(u.Elapsed, u.Remaining, u.Source)
	// Output: 1m0s 1m0s observed
}

func ExampleOnUpdate() {
	tracker := twoEqualPhases(progress.OnUpdate(func(u progress.Update) { fmt.Println(u.Phase, u.Fraction) }))
	tracker.Set("read", 0, "")
	tracker.Done("read")
	tracker.Set("write", 0, "")
	tracker.Done("write")
	// Output:
	// read 0
	// read 0.5
	// write 0.5
	// write 1
}

// OnUpdate is called at most once per quarter of the work.
func ExampleThrottle() {
	updates := 0
	tracker := twoEqualPhases(progress.Throttle(0.25, time.Hour), progress.OnUpdate(func(progress.Update) { updates++ }))
	for i := range 1000 {
		tracker.Set("read", float64(i)/1000, "")
	}
	fmt.Println(updates)
	// Output: 2
}

// A reader got an update, and no other one since.
func ExampleUpdate_After() {
	u := progress.Update{Remaining: 10 * time.Minute, Source: progress.SourceHistory}
	fmt.Println(u.After(4 * time.Minute).Remaining.Round(time.Second))
	// Output: 6m0s
}

// What this run adds to the history of the next one. A host stores it, for example as JSON.
func ExampleTracker_Samples() {
	now := time.Now()
	clock := progress.Clock(func() time.Time { return now })
	first := twoEqualPhases(clock)
	for item := range 100 {
		now = now.Add(time.Second)
		first.SetSize("read", 100)
		first.Set("read", float64(item+1)/100, "")
	}
	first.Done("read")
	now = now.Add(time.Minute)
	first.Done("write")

	next := twoEqualPhases(clock, progress.History(first.Samples()))
	next.SetSize("read", 300)
	fmt.Println(next.Snapshot().Remaining)
	// Output: 6m0s
}

// The size of a phase is known before it begins.
func ExampleTracker_SetSize() {
	tracker := twoEqualPhases(progress.History(progress.Samples{
		"read": {Duration: time.Minute, Size: 100}, "write": {Duration: time.Minute, Silent: true},
	}))
	tracker.SetSize("read", 1000)
	fmt.Println(tracker.Snapshot().Remaining)
	// Output: 11m0s
}

func ExampleTracker_Sample() {
	now := time.Now()
	tracker := twoEqualPhases(progress.Clock(func() time.Time { return now }))
	tracker.Set("read", 0.5, "")
	now = now.Add(time.Minute)
	sample, ok := tracker.Sample("read")
	fmt.Println(sample.Duration, sample.Silent, ok)
	// Output: 1m0s false true
}

func ExampleTracker_Usual() {
	tracker := twoEqualPhases(progress.History(progress.Samples{"read": {Duration: time.Minute}}))
	usual, ok := tracker.Usual("read")
	fmt.Println(usual, ok)
	// Output: 1m0s true
}
