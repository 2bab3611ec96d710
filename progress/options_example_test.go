package progress_test

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/progress"
)

// halves is a tracker of two phases of the same weight.
func halves(opts ...progress.Option) *progress.Tracker {
	tracker, err := progress.New([]progress.Phase{{Name: "read", Weight: 1}, {Name: "write", Weight: 1}}, opts...)
	if err != nil {
		panic(err)
	}
	return tracker
}

// Set says how far a phase is; what is less than before is passed over.
func ExampleTracker_Set() {
	tracker := halves()
	tracker.Set("read", 0.5, "half of it")
	tracker.Set("read", 0.25, "")
	fmt.Println(tracker.Snapshot().Fraction)
	// Output: 0.25
}

func ExampleTracker_Done() {
	tracker := halves()
	tracker.Done("read")
	fmt.Println(tracker.Snapshot().Fraction)
	// Output: 0.5
}

// The first half of a phase was done before a restart.
func ExampleTracker_RestorePart() {
	tracker := halves()
	tracker.RestorePart("read", 0.5)
	fmt.Println(tracker.Snapshot().Fraction)
	// Output: 0.25
}

// How long phases take as a rule may become known on the way.
func ExampleTracker_SetHistory() {
	tracker := halves()
	fmt.Println(tracker.Snapshot().Source)
	tracker.SetHistory(map[string]time.Duration{"read": time.Minute, "write": 2 * time.Minute})
	u := tracker.Snapshot()
	fmt.Println(u.Source, u.Remaining)
	// Output:
	// unknown
	// history 3m0s
}

// The tool that does the work knows best.
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

// Phases that run at the same time take as long as the longest.
func ExamplePhase() {
	tracker, err := progress.New(
		[]progress.Phase{{Name: "text", Weight: 1, Group: "render"}, {Name: "charts", Weight: 1, Group: "render"}, {Name: "send", Weight: 1}},
		progress.History(map[string]time.Duration{"text": 2 * time.Minute, "charts": 5 * time.Minute, "send": time.Minute}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tracker.Snapshot().Remaining)
	// Output: 6m0s
}

func ExampleHistory() {
	tracker := halves(progress.History(map[string]time.Duration{"read": time.Minute, "write": 2 * time.Minute}))
	fmt.Println(tracker.Snapshot().Remaining)
	// Output: 3m0s
}

// A test has its own clock.
func ExampleClock() {
	now := time.Now()
	tracker := halves(progress.Clock(func() time.Time { return now }))
	tracker.Set("read", 0, "")
	now = now.Add(time.Minute)
	tracker.Done("read")
	u := tracker.Snapshot()
	fmt.Println(u.Elapsed, u.Remaining, u.Source)
	// Output: 1m0s 1m0s observed
}

func ExampleOnUpdate() {
	tracker := halves(progress.OnUpdate(func(u progress.Update) { fmt.Println(u.Phase, u.Fraction) }))
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

// No more than one update for each quarter of the way.
func ExampleThrottle() {
	updates := 0
	tracker := halves(progress.Throttle(0.25, time.Hour), progress.OnUpdate(func(progress.Update) { updates++ }))
	for i := range 1000 {
		tracker.Set("read", float64(i)/1000, "")
	}
	fmt.Println(updates)
	// Output: 2
}
