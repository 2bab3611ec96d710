package progress_test

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/progress"
)

// clock is a clock that only advance changes.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) time() time.Time         { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// recorder records the updates that OnUpdate is called with.
type recorder struct{ updates []progress.Update }

func (r *recorder) record(u progress.Update) { r.updates = append(r.updates, u) }

// requireFractions checks the number of updates and the total of each.
func (r *recorder) requireFractions(t *testing.T, want ...float64) {
	t.Helper()
	var got []float64
	for _, u := range r.updates {
		got = append(got, u.Fraction)
	}
	require.Len(t, got, len(want), "%v", got) // InDeltaSlice does not compare lengths
	require.InDeltaSlice(t, want, got, 1e-9)
}

// setup returns a tracker of one phase, "work", the recorder of its updates and
// its clock.
func setup(t *testing.T, opts ...progress.Option) (*progress.Tracker, *recorder, *clock) {
	t.Helper()
	r, c := &recorder{}, newClock()
	opts = append([]progress.Option{progress.OnUpdate(r.record), progress.Clock(c.time)}, opts...)
	return newTracker(t, []progress.Phase{{Name: "work", Weight: 3}}, opts...), r, c
}

// newBlockedTracker returns a tracker whose first call of OnUpdate blocks, in
// another goroutine, until the test closes release.
func newBlockedTracker(t *testing.T) (tracker *progress.Tracker, r *recorder, release chan struct{}) {
	t.Helper()
	r, release = &recorder{}, make(chan struct{})
	tracker = newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
		r.record(u)
		if len(r.updates) == 1 {
			<-release
		}
	}))
	go func() { _ = tracker.Start("extract") }()
	synctest.Wait()
	return tracker, r, release
}

func TestTheFirstUpdateIsDelivered(t *testing.T) {
	t.Parallel()
	tracker, r, _ := setup(t)
	require.NoError(t, tracker.Start("work"))
	require.Len(t, r.updates, 1)
	assert.Equal(t, progress.Update{Phase: "work", Source: progress.SourceUnknown}, r.updates[0])
}

func TestAnUpdateIsDeliveredForEachPercent(t *testing.T) {
	t.Parallel()
	tracker, r, _ := setup(t)
	for i := range 10_001 {
		tracker.Set("work", float64(i)/10_000, "")
	}
	tracker.Done("work")
	want := make([]float64, 0, 101)
	for i := range 101 {
		want = append(want, float64(i)/100)
	}
	// The total stays below 1 until Done, so the update of the last percent is that
	// of Done.
	r.requireFractions(t, want...)
	assert.Equal(t, 1.0, r.updates[100].Fraction)
}

func TestRoundingSuppressesNoPercent(t *testing.T) {
	t.Parallel()
	tracker, r, _ := setup(t)
	for i := range 100 {
		tracker.Set("work", float64(i)/100, "")
	}
	assert.Len(t, r.updates, 100)
}

func TestAnUpdateIsDeliveredAfterASecondWithLessThanAPercent(t *testing.T) {
	t.Parallel()
	tracker, r, c := setup(t)
	tracker.Set("work", 0.001, "a")
	c.advance(999 * time.Millisecond)
	tracker.Set("work", 0.002, "b")
	require.Len(t, r.updates, 1, "less than a second and less than a percent")
	c.advance(time.Millisecond)
	tracker.Set("work", 0.003, "c")
	require.Len(t, r.updates, 2)
	assert.Equal(t, "c", r.updates[1].Message)
	assert.Equal(t, time.Second, r.updates[1].Elapsed)
	tracker.Set("work", 0.004, "d")
	assert.Len(t, r.updates, 2, "the interval starts at the last update")
}

func TestTheDefaultClockIsTimeNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		tracker := newTracker(t, report(), progress.OnUpdate(r.record))
		for range 100 { // 10 s, less than a percent
			tracker.Set("extract", 0.001, "")
			time.Sleep(100 * time.Millisecond)
		}
		assert.Len(t, r.updates, 10)
		assert.Equal(t, 10*time.Second, tracker.Snapshot().Elapsed)
	})
}

func TestThrottleSetsDeltaAndInterval(t *testing.T) {
	t.Parallel()
	tracker, r, c := setup(t, progress.Throttle(0.25, time.Minute))
	for i := range 100 {
		tracker.Set("work", float64(i)/100, "")
	}
	r.requireFractions(t, 0, 0.25, 0.5, 0.75)
	c.advance(time.Minute)
	tracker.Set("work", 0, "")
	assert.Len(t, r.updates, 5)
}

func TestAZeroThrottleDeliversEveryCall(t *testing.T) {
	t.Parallel()
	for name, throttle := range map[string]progress.Option{
		"delta":    progress.Throttle(0, time.Hour),
		"interval": progress.Throttle(math.Inf(1), 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker, r, _ := setup(t, throttle)
			for range 50 {
				tracker.Set("work", 0.5, "")
			}
			assert.Len(t, r.updates, 50)
		})
	}
}

func TestEachChangeOfPhaseIsDelivered(t *testing.T) {
	t.Parallel()
	r, c := &recorder{}, newClock()
	phases := []progress.Phase{{Name: "big", Weight: 1e6}, {Name: "a", Weight: 1}, {Name: "b", Weight: 1}}
	tracker := newTracker(t, phases, progress.OnUpdate(r.record), progress.Clock(c.time))
	require.NoError(t, tracker.Start("a"))
	require.NoError(t, tracker.Start("a")) // no change of phase
	require.NoError(t, tracker.Start("b"))
	tracker.Set("a", 0.5, "") // a is not the current phase: no update
	tracker.Done("b")         // a is current again
	tracker.Set("big", 0, "") // starts big
	var names []string
	for _, u := range r.updates {
		names = append(names, u.Phase)
	}
	assert.Equal(t, []string{"a", "b", "a", "big"}, names)
}

func TestTheLastUpdateIsDeliveredOnceAndNothingAfterIt(t *testing.T) {
	t.Parallel()
	r, c := &recorder{}, newClock()
	phases := []progress.Phase{{Name: "big", Weight: 1e6}, {Name: "small", Weight: 1}}
	tracker := newTracker(t, phases, progress.OnUpdate(r.record), progress.Clock(c.time))
	tracker.Done("big")
	n := len(r.updates)
	c.advance(time.Millisecond)
	tracker.Done("small") // raises the total by a millionth
	require.Len(t, r.updates, n+1)
	assert.Equal(t, 1.0, r.updates[n].Fraction)
	assert.Equal(t, time.Millisecond, r.updates[n].Elapsed)

	c.advance(time.Hour)
	tracker.Set("small", 1, "late")
	tracker.Done("small")
	tracker.Restore("small")
	tracker.RestorePart("small", 1)
	assert.ErrorIs(t, tracker.Start("small"), progress.ErrPhaseDone)
	assert.Len(t, r.updates, n+1)
}

func TestTheLastUpdateIsDeliveredWhenAllPhasesAreRestored(t *testing.T) {
	t.Parallel()
	tracker, r, _ := setup(t)
	tracker.Restore("work")
	r.requireFractions(t, 1)
}

func TestOnUpdateMayCallTheTracker(t *testing.T) {
	t.Parallel()
	var tracker *progress.Tracker
	var seen []progress.Update
	depth := 0
	tracker = newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
		depth++
		defer func() { depth-- }()
		assert.Equal(t, 1, depth, "OnUpdate is not called from within OnUpdate")
		seen = append(seen, u)
		assert.GreaterOrEqual(t, tracker.Snapshot().Fraction, u.Fraction)
		if u.Phase == "extract" {
			tracker.Set("extract", 0.5, "from OnUpdate")
			tracker.Done("extract")
			assert.NoError(t, tracker.Start("render"))
			tracker.Restore("deliver")
		}
	}))
	require.NoError(t, tracker.Start("extract"))
	require.Len(t, seen, 2)
	assert.Equal(t, "render", seen[1].Phase)
	assert.InDelta(t, 0.7, seen[1].Fraction, 1e-12)
	tracker.Done("render")
	require.Len(t, seen, 3)
	assert.Equal(t, 1.0, seen[2].Fraction)
}

func TestASlowOnUpdateDoesNotBlockOtherGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker, r, release := newBlockedTracker(t)
		tracker.Set("extract", 0.5, "dropped")
		tracker.Set("render", 0.5, "a change of phase")
		tracker.Set("render", 0.9, "dropped")
		assert.InDelta(t, 0.53, tracker.Snapshot().Fraction, 1e-12)
		tracker.Done("extract")
		tracker.Done("render")
		tracker.Done("deliver")
		assert.Len(t, r.updates, 1)

		close(release)
		synctest.Wait()
		r.requireFractions(t, 0, 0.45, 1) // a change of phase and the last update are queued, the others dropped
	})
}

func TestTheNextCallDeliversTheStateOfADroppedUpdate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker, r, release := newBlockedTracker(t)
		tracker.Set("extract", 0.5, "dropped")
		close(release)
		synctest.Wait()
		require.Len(t, r.updates, 1)
		tracker.Set("extract", 0.5, "")
		require.Len(t, r.updates, 2)
		assert.Equal(t, "dropped", r.updates[1].Message)
	})
}

func TestTheQueueIsBoundedWhileOnUpdateHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tracker, r, release := newBlockedTracker(t)
		for range 5_000 {
			require.NoError(t, tracker.Start("render"))
			require.NoError(t, tracker.Start("extract"))
		}
		for _, phase := range report() {
			tracker.Done(phase.Name)
		}
		close(release)
		synctest.Wait()
		require.Len(t, r.updates, 1_001)
		assert.Equal(t, 1.0, r.updates[1_000].Fraction, "the last update is delivered although the queue was full")
	})
}

func TestTheTrackerStaysUsableAfterAPanicInOnUpdate(t *testing.T) {
	t.Parallel()
	var r recorder
	tracker := newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
		r.record(u)
		if u.Phase == "extract" {
			panic("boom")
		}
	}))
	assert.PanicsWithValue(t, "boom", func() { _ = tracker.Start("extract") })
	tracker.Set("render", 0.5, "")
	require.Len(t, r.updates, 2)
	assert.Equal(t, "render", r.updates[1].Phase)
}

func TestUpdatesFromManyGoroutinesNeverOverlapAndNeverFall(t *testing.T) {
	t.Parallel()
	const workers, calls = 16, 2_000
	phases := make([]progress.Phase, workers)
	for i := range phases {
		phases[i] = progress.Phase{Name: fmt.Sprintf("phase %d", i), Weight: 0.1 + float64(i)}
	}
	var (
		r       recorder // without a lock, so that -race finds calls that overlap
		inside  bool
		tracker *progress.Tracker
	)
	tracker = newTracker(t, phases, progress.Throttle(0.001, time.Microsecond), progress.OnUpdate(func(u progress.Update) {
		assert.False(t, inside, "OnUpdate runs concurrently with itself")
		inside = true
		r.record(u)
		tracker.Snapshot()
		runtime.Gosched() // makes an overlap more likely
		inside = false
	}))
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			name := phases[i].Name
			if i%4 == 0 {
				tracker.RestorePart(name, 0.25)
			}
			if i%2 == 0 {
				assert.NoError(t, tracker.Start(name))
			}
			for k := range calls {
				tracker.Set(name, float64(k)/calls, "working")
				tracker.Set(phases[(i+1)%workers].Name, float64(k)/calls/2, "")
			}
			tracker.Done(name)
		})
	}
	wg.Go(func() {
		last := 0.0
		for range calls {
			now := tracker.Snapshot().Fraction
			assert.GreaterOrEqual(t, now, last)
			last = now
		}
	})
	wg.Wait()

	require.NotEmpty(t, r.updates)
	for i := 1; i < len(r.updates); i++ {
		require.GreaterOrEqual(t, r.updates[i].Fraction, r.updates[i-1].Fraction)
		require.GreaterOrEqual(t, r.updates[i].Elapsed, r.updates[i-1].Elapsed)
		require.Less(t, r.updates[i-1].Fraction, 1.0)
	}
	assert.Equal(t, 1.0, r.updates[len(r.updates)-1].Fraction)
}
