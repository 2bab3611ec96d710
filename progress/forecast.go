package progress

import (
	"math"
	"time"
)

// z90 is the 90th percentile of the standard normal distribution.
const z90 = 1.2816

// forecast is an estimate of a remaining time, in nanoseconds.
type forecast struct {
	time     float64 // the median
	square   float64 // of how much the 90th percentile is above that, apart from the run's pace
	paced    float64 // the part of time that depends on the run's pace
	own      float64 // the part of time that was estimated from this run's own pace
	reported float64 // the part of time that was reported
}

// then adds what follows.
func (f *forecast) then(next forecast) {
	f.time += next.time
	f.square += next.square
	f.paced += next.paced
	f.own += next.own
	f.reported += next.reported
}

// p90 returns the 90th percentile, given the belief about the run's pace.
func (f *forecast) p90(run belief) float64 {
	common := f.paced * (math.Exp(z90*math.Sqrt(run.variance)) - 1)
	return f.time + math.Sqrt(f.square+sq(common))
}

// lasting returns the forecast for something that usually lasts that long, and has lasted for
// a while already. The logarithm of its whole duration is normally distributed with that
// variance, which was estimated from a few runs. So what is overdue is never due at once: the
// longer it has lasted, the longer it will last, but at most as long again.
func lasting(usual, variance, lasted float64, runs int) forecast {
	if usual <= 0 {
		return forecast{}
	}
	const least = 0.02 // nothing is more certain than that
	sigma := max(least, math.Sqrt(min(widest, variance)))
	tail := 1.0
	if lasted > 0 {
		z := math.Log(lasted / usual)
		if over := z / sigma; over > 0 {
			sigma *= math.Sqrt(max(1, (float64(runs)+sq(over))/(float64(runs)+1)))
		}
		tail = math.Erfc(z/sigma/math.Sqrt2) / 2
	}
	median := usual*math.Exp(sigma*upper(tail/2)) - max(0, lasted)
	p90 := usual*math.Exp(sigma*upper(tail/10)) - max(0, lasted)
	if lasted > usual {
		median = min(median, lasted)
	}
	return forecast{time: max(0, median), square: sq(max(0, p90-median))}
}

// upper returns the value that a standard normal variable exceeds with that probability.
func upper(probability float64) float64 { return math.Sqrt2 * math.Erfcinv(2*probability) }

// parallelForecast is the forecast for phases that run at the same time: that of the longest
// or, if maxParallel makes that longer, the sum divided by maxParallel.
type parallelForecast struct {
	longest, sum forecast
	maxParallel  int
}

func (p *parallelForecast) add(one forecast, maxParallel int) {
	if one.time > p.longest.time {
		reported := p.longest.reported
		p.longest = one
		p.longest.reported = max(reported, one.reported)
	} else {
		p.longest.reported = max(p.longest.reported, one.reported)
	}
	p.sum.then(one)
	p.maxParallel = maxParallel
}

func (p *parallelForecast) total() forecast {
	if p.maxParallel == 0 || p.sum.time/float64(p.maxParallel) <= p.longest.time {
		return p.longest
	}
	n := float64(p.maxParallel)
	return forecast{time: p.sum.time / n, square: p.sum.square / (n * n), paced: p.sum.paced / n, own: p.sum.own / n, reported: p.sum.reported / n}
}

// After returns the update as it is expected to be that much later, if nothing is heard until
// then: for a reader who gets updates rarely. Remaining and RemainingP90 count down, but what
// should be over by then still takes a while; see the package documentation.
func (u Update) After(d time.Duration) Update {
	if d <= 0 || u.Remaining <= 0 {
		return u
	}
	left := lasting(float64(u.Remaining), sq(assumedWithin), float64(d), 1)
	u.Elapsed, u.Remaining = u.Elapsed+d, toDuration(left.time)
	if u.RemainingP90 > 0 {
		u.RemainingP90 = max(u.Remaining, u.RemainingP90-d)
	}
	return u
}
