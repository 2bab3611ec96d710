package progress_test

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/progress"
)

func ExampleNew() {
	tracker, err := progress.New(
		[]progress.Phase{{Name: "extract", Weight: 8}, {Name: "render", Weight: 1}, {Name: "deliver", Weight: 1}},
		progress.Throttle(0.2, time.Second),
		progress.OnUpdate(func(u progress.Update) {
			fmt.Printf("%3.0f%% %s: %s\n", 100*u.Fraction, u.Phase, u.Message)
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	const pages = 1000
	for page := range pages {
		tracker.Set("extract", float64(page)/pages, "reading pages")
	}
	tracker.Done("extract")
	tracker.Set("render", 0, "as PDF")
	tracker.Done("render")
	tracker.Set("deliver", 0, "by mail")
	tracker.Done("deliver")
	// Output:
	//   0% extract: reading pages
	//  20% extract: reading pages
	//  40% extract: reading pages
	//  60% extract: reading pages
	//  80% extract: reading pages
	//  80% render: as PDF
	//  90% deliver: by mail
	// 100% deliver: by mail
}

// New returns one error for all mistakes.
func ExampleNew_mistakes() {
	_, err := progress.New([]progress.Phase{{Name: "extract", Weight: 0}, {Name: "extract", Weight: 2}})
	fmt.Println(err)
	// Output:
	// new progress tracker: phase 1 "extract" has weight 0: want a finite number above 0
	// phase 2 has the name of phase 1, "extract"
}

func ExampleTracker_Snapshot() {
	now := time.Now()
	tracker, err := progress.New(
		[]progress.Phase{{Name: "copy", Weight: 9}, {Name: "verify", Weight: 1}},
		progress.History(progress.Samples{"copy": {Duration: 10 * time.Minute}, "verify": {Duration: time.Minute}}),
		progress.Clock(func() time.Time { return now }),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	tracker.Set("copy", 0, "")
	now = now.Add(5 * time.Minute)
	tracker.Set("copy", 0.5, "file 3 of 6")
	u := tracker.Snapshot()
	fmt.Printf("%.0f%% %s, %s left (%s)\n", 100*u.Fraction, u.Message, progress.Humanize(u.Remaining), u.Source)
	// Output: 45% file 3 of 6, 6m left (observed)
}

// Two phases can be open at the same time, for example in two goroutines.
func ExampleTracker_Start() {
	tracker, err := progress.New([]progress.Phase{{Name: "north", Weight: 1}, {Name: "south", Weight: 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, phase := range []string{"north", "south", "west"} {
		if err := tracker.Start(phase); err != nil {
			fmt.Println(err)
		}
	}
	tracker.Set("north", 0.5, "")
	tracker.Set("south", 0.25, "")
	u := tracker.Snapshot()
	fmt.Println(u.Fraction, u.Phase, u.PhaseFraction)
	tracker.Done("south")
	u = tracker.Snapshot()
	fmt.Println(u.Fraction, u.Phase, u.PhaseFraction)
	// Output:
	// start "west": unknown phase
	// 0.375 south 0.25
	// 0.75 north 0.5
}

// A run continues interrupted work: the total starts where it was, and the
// estimate uses only the speed of this run.
func ExampleTracker_Restore() {
	now := time.Now()
	tracker, err := progress.New(
		[]progress.Phase{{Name: "extract", Weight: 7}, {Name: "render", Weight: 2}, {Name: "deliver", Weight: 1}},
		progress.Clock(func() time.Time { return now }),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	tracker.Restore("extract")
	tracker.RestorePart("render", 0.5)
	show := func() {
		u := tracker.Snapshot()
		fmt.Printf("%.0f%% after %s, %s left (%s)\n", 100*u.Fraction, u.Elapsed, progress.Humanize(u.Remaining), u.Source)
	}
	show()
	now = now.Add(time.Minute)
	tracker.Done("render")
	show()
	// Output:
	// 80% after 0s, 0ms left (unknown)
	// 90% after 1m0s, 1m left (observed)
}

func ExampleHumanize() {
	for _, d := range []time.Duration{
		0,
		850 * time.Millisecond,
		4200 * time.Millisecond,
		59960 * time.Millisecond,
		65 * time.Second,
		2*time.Hour + 3*time.Minute,
		76 * time.Hour,
		-4 * time.Second,
	} {
		fmt.Println(progress.Humanize(d))
	}
	// Output:
	// 0ms
	// 850ms
	// 4.2s
	// 1m
	// 1m 5s
	// 2h 3m
	// 3d 4h
	// -4s
}

func ExampleHumanizeRange() {
	fmt.Println(progress.HumanizeRange(170*time.Second, 5*time.Minute))
	// Output: 3-5 min
}
