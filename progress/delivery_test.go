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

// clock is a time that only a test moves.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) time() time.Time         { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// sink keeps what OnUpdate got.
type sink struct{ updates []progress.Update }

func (s *sink) take(u progress.Update) { s.updates = append(s.updates, u) }

// requireFractions checks how many updates there were and the total of each.
func (s *sink) requireFractions(t *testing.T, want ...float64) {
	t.Helper()
	var got []float64
	for _, u := range s.updates {
		got = append(got, u.Fraction)
	}
	require.Len(t, got, len(want), "%v", got) // InDeltaSlice does not compare lengths
	require.InDeltaSlice(t, want, got, 1e-9)
}

// setup returns a tracker of one phase, "work", whose time stands still.
func setup(t *testing.T, opts ...progress.Option) (*progress.Tracker, *sink, *clock) {
	t.Helper()
	s, c := &sink{}, newClock()
	opts = append([]progress.Option{progress.OnUpdate(s.take), progress.Clock(c.time)}, opts...)
	return newTracker(t, []progress.Phase{{Name: "work", Weight: 3}}, opts...), s, c
}

func TestTheFirstUpdateGoesOut(t *testing.T) {
	t.Parallel()
	tracker, s, _ := setup(t)
	require.NoError(t, tracker.Start("work"))
	require.Len(t, s.updates, 1)
	assert.Equal(t, progress.Update{Phase: "work", Source: progress.SourceUnknown}, s.updates[0])
}

func TestUpdatesGoOutAtEachPercent(t *testing.T) {
	t.Parallel()
	tracker, s, _ := setup(t)
	for i := range 10_001 {
		tracker.Set("work", float64(i)/10_000, "")
	}
	tracker.Done("work")
	want := make([]float64, 0, 101)
	for i := range 101 {
		want = append(want, float64(i)/100)
	}
	// The total stops short of 1 until Done, and so the hundredth percent is
	// the end itself.
	s.requireFractions(t, want...)
	assert.Equal(t, 1.0, s.updates[100].Fraction)
}

func TestWholePercentsAreNotLostToRounding(t *testing.T) {
	t.Parallel()
	tracker, s, _ := setup(t)
	for i := range 100 {
		tracker.Set("work", float64(i)/100, "")
	}
	assert.Len(t, s.updates, 100)
}

func TestAnUpdateGoesOutAfterASecondWithoutAPercent(t *testing.T) {
	t.Parallel()
	tracker, s, c := setup(t)
	tracker.Set("work", 0.001, "a")
	c.advance(999 * time.Millisecond)
	tracker.Set("work", 0.002, "b")
	require.Len(t, s.updates, 1, "neither a second nor a percent")
	c.advance(time.Millisecond)
	tracker.Set("work", 0.003, "c")
	require.Len(t, s.updates, 2)
	assert.Equal(t, "c", s.updates[1].Message)
	assert.Equal(t, time.Second, s.updates[1].Elapsed)
	tracker.Set("work", 0.004, "d")
	assert.Len(t, s.updates, 2, "the second counts from the last update")
}

func TestTheDefaultClockIsTheRealOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		tracker := newTracker(t, report(), progress.OnUpdate(s.take))
		for range 100 { // 10 s, and less than a percent
			tracker.Set("extract", 0.001, "")
			time.Sleep(100 * time.Millisecond)
		}
		assert.Len(t, s.updates, 10)
		assert.Equal(t, 10*time.Second, tracker.Snapshot().Elapsed)
	})
}

func TestThrottleIsSet(t *testing.T) {
	t.Parallel()
	tracker, s, c := setup(t, progress.Throttle(0.25, time.Minute))
	for i := range 100 {
		tracker.Set("work", float64(i)/100, "")
	}
	s.requireFractions(t, 0, 0.25, 0.5, 0.75)
	c.advance(time.Minute)
	tracker.Set("work", 0, "")
	assert.Len(t, s.updates, 5)
}

func TestAZeroThrottleLetsEveryCallThrough(t *testing.T) {
	t.Parallel()
	for name, throttle := range map[string]progress.Option{
		"delta":    progress.Throttle(0, time.Hour),
		"interval": progress.Throttle(math.Inf(1), 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker, s, _ := setup(t, throttle)
			for range 50 {
				tracker.Set("work", 0.5, "")
			}
			assert.Len(t, s.updates, 50)
		})
	}
}

func TestEachChangeOfPhaseGoesOut(t *testing.T) {
	t.Parallel()
	s, c := &sink{}, newClock()
	phases := []progress.Phase{{Name: "big", Weight: 1e6}, {Name: "a", Weight: 1}, {Name: "b", Weight: 1}}
	tracker := newTracker(t, phases, progress.OnUpdate(s.take), progress.Clock(c.time))
	require.NoError(t, tracker.Start("a"))
	require.NoError(t, tracker.Start("a")) // no change
	require.NoError(t, tracker.Start("b"))
	tracker.Set("a", 0.5, "") // a is not current: no change
	tracker.Done("b")         // back to a
	tracker.Set("big", 0, "") // starts it
	var names []string
	for _, u := range s.updates {
		names = append(names, u.Phase)
	}
	assert.Equal(t, []string{"a", "b", "a", "big"}, names)
}

func TestTheLastUpdateGoesOutOnceAndNothingAfterIt(t *testing.T) {
	t.Parallel()
	s, c := &sink{}, newClock()
	phases := []progress.Phase{{Name: "big", Weight: 1e6}, {Name: "small", Weight: 1}}
	tracker := newTracker(t, phases, progress.OnUpdate(s.take), progress.Clock(c.time))
	tracker.Done("big")
	n := len(s.updates)
	c.advance(time.Millisecond)
	tracker.Done("small") // moves the total by a millionth
	require.Len(t, s.updates, n+1)
	assert.Equal(t, 1.0, s.updates[n].Fraction)
	assert.Equal(t, time.Millisecond, s.updates[n].Elapsed)

	c.advance(time.Hour)
	tracker.Set("small", 1, "late")
	tracker.Done("small")
	tracker.Restore("small")
	tracker.RestorePart("small", 1)
	assert.ErrorIs(t, tracker.Start("small"), progress.ErrPhaseDone)
	assert.Len(t, s.updates, n+1)
}

func TestTheLastUpdateGoesOutWhenAllIsRestored(t *testing.T) {
	t.Parallel()
	tracker, s, _ := setup(t)
	tracker.Restore("work")
	s.requireFractions(t, 1)
}

func TestOnUpdateMayCallTheTracker(t *testing.T) {
	t.Parallel()
	var tracker *progress.Tracker
	var seen []progress.Update
	depth := 0
	tracker = newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
		depth++
		defer func() { depth-- }()
		assert.Equal(t, 1, depth, "an update within an update waits")
		seen = append(seen, u)
		assert.GreaterOrEqual(t, tracker.Snapshot().Fraction, u.Fraction)
		if u.Phase == "extract" {
			tracker.Set("extract", 0.5, "from within")
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

func TestASlowOnUpdateHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release, s := make(chan struct{}), &sink{}
		tracker := newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
			s.take(u)
			if len(s.updates) == 1 {
				<-release
			}
		}))
		go func() { _ = tracker.Start("extract") }()
		synctest.Wait() // until OnUpdate hangs

		tracker.Set("extract", 0.5, "held back")
		tracker.Set("render", 0.5, "a change of phase")
		tracker.Set("render", 0.9, "held back")
		assert.InDelta(t, 0.53, tracker.Snapshot().Fraction, 1e-12)
		tracker.Done("extract")
		tracker.Done("render")
		tracker.Done("deliver")
		assert.Len(t, s.updates, 1)

		close(release)
		synctest.Wait()
		s.requireFractions(t, 0, 0.45, 1) // what always goes out waits in line, the rest is dropped
	})
}

func TestWhatWasHeldBackComesWithTheNextCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release, s := make(chan struct{}), &sink{}
		tracker := newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
			s.take(u)
			if len(s.updates) == 1 {
				<-release
			}
		}))
		go func() { _ = tracker.Start("extract") }()
		synctest.Wait()
		tracker.Set("extract", 0.5, "held back")
		close(release)
		synctest.Wait()
		require.Len(t, s.updates, 1)
		tracker.Set("extract", 0.5, "")
		require.Len(t, s.updates, 2)
		assert.Equal(t, "held back", s.updates[1].Message)
	})
}

func TestTheLineBehindAHangingOnUpdateIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release, s := make(chan struct{}), &sink{}
		tracker := newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
			s.take(u)
			if len(s.updates) == 1 {
				<-release
			}
		}))
		go func() { _ = tracker.Start("extract") }()
		synctest.Wait()
		for range 5_000 {
			require.NoError(t, tracker.Start("render"))
			require.NoError(t, tracker.Start("extract"))
		}
		for _, phase := range report() {
			tracker.Done(phase.Name)
		}
		close(release)
		synctest.Wait()
		require.Len(t, s.updates, 1_001)
		assert.Equal(t, 1.0, s.updates[1_000].Fraction, "the last goes out whatever was in line")
	})
}

func TestAnOnUpdateThatPanicsLeavesTheTrackerUsable(t *testing.T) {
	t.Parallel()
	var s sink
	tracker := newTracker(t, report(), progress.OnUpdate(func(u progress.Update) {
		s.take(u)
		if u.Phase == "extract" {
			panic("boom")
		}
	}))
	assert.PanicsWithValue(t, "boom", func() { _ = tracker.Start("extract") })
	tracker.Set("render", 0.5, "")
	require.Len(t, s.updates, 2)
	assert.Equal(t, "render", s.updates[1].Phase)
}

func TestUpdatesFromManyGoroutinesNeverOverlapAndNeverFall(t *testing.T) {
	t.Parallel()
	const workers, calls = 16, 2_000
	phases := make([]progress.Phase, workers)
	for i := range phases {
		phases[i] = progress.Phase{Name: fmt.Sprintf("phase %d", i), Weight: 0.1 + float64(i)}
	}
	var (
		s       sink // without a lock: -race sees calls that overlap
		inside  bool
		tracker *progress.Tracker
	)
	tracker = newTracker(t, phases, progress.Throttle(0.001, time.Microsecond), progress.OnUpdate(func(u progress.Update) {
		assert.False(t, inside, "OnUpdate runs concurrently with itself")
		inside = true
		s.take(u)
		tracker.Snapshot()
		runtime.Gosched() // widens the window for an overlap
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

	require.NotEmpty(t, s.updates)
	for i := 1; i < len(s.updates); i++ {
		require.GreaterOrEqual(t, s.updates[i].Fraction, s.updates[i-1].Fraction)
		require.GreaterOrEqual(t, s.updates[i].Elapsed, s.updates[i-1].Elapsed)
		require.Less(t, s.updates[i-1].Fraction, 1.0)
	}
	assert.Equal(t, 1.0, s.updates[len(s.updates)-1].Fraction)
}
