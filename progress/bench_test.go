package progress_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/progress"
)

// One iteration makes 100,000 throttled calls. The target is well below 20 ms.
func BenchmarkSet100k(b *testing.B) {
	b.ReportAllocs()
	tracker := newTracker(b, report(), progress.OnUpdate(func(progress.Update) {}))
	for b.Loop() {
		for range 100_000 {
			tracker.Set("extract", 0.5, "reading pages")
		}
	}
}

func BenchmarkSet(b *testing.B) {
	for _, phases := range []int{1, 1000} {
		b.Run(strconv.Itoa(phases)+" phases", func(b *testing.B) {
			b.ReportAllocs()
			all := make([]progress.Phase, phases)
			for i := range all {
				all[i] = progress.Phase{Name: strconv.Itoa(i), Weight: 1}
			}
			tracker := newTracker(b, all, progress.OnUpdate(func(progress.Update) {}))
			fraction := 0.0
			for b.Loop() {
				fraction += 1e-9 // raises the total, unlike BenchmarkSet100k
				tracker.Set("0", fraction, "reading pages")
			}
		})
	}
}

func BenchmarkSetInParallel(b *testing.B) {
	tracker := newTracker(b, report(), progress.OnUpdate(func(progress.Update) {}))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tracker.Set("extract", 0.5, "reading pages")
		}
	})
}

// It is not parallel: testing.AllocsPerRun counts the allocations of the whole
// process.
func TestAThrottledSetDoesNotAllocate(t *testing.T) {
	tracker := newTracker(t, report(), progress.Throttle(0.5, time.Hour), progress.OnUpdate(func(progress.Update) {}))
	fraction := 0.0
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		fraction += 1e-6
		tracker.Set("extract", fraction, "reading pages")
	}))
}
