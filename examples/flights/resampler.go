package flights

import "math/rand/v2"

// blockDays is the number of consecutive days that are drawn together. The causes
// of delays, such as a storm or a busy Friday, last for days or recur each week, so
// days are not independent of each other, and flights even less.
const blockDays = 7

// A histogram of delays has one bin for each minute. The first and the last bin
// also count all delays below and above; the 90th percentile of an airport is far
// from both.
const (
	firstBin = -64
	binCount = 448
)

// resampler draws resamples of the half-year: days of the original, with
// replacement, in blocks of blockDays, until there are as many days.
type resampler struct {
	// cells holds for each flight the index in counts of its group and delay:
	// group*binCount + bin. The flights of day d are starts[d] to starts[d+1].
	cells  []uint32
	starts [days + 1]int
	groups int
	counts []uint32
}

// replicate is the statistic of one group of flights in one resample.
type replicate struct {
	Flights, Late uint32
	P90           int32
}

// newResampler returns a resampler of the dated sample; groupOf holds for each
// airport the group of its departures.
func newResampler(s *Sample, groupOf []int, groups int) *resampler {
	r := &resampler{cells: make([]uint32, s.Len()), groups: groups, counts: make([]uint32, groups*binCount)}
	for i := range s.Len() {
		r.starts[s.day(i)+1]++
	}
	for day := range days {
		r.starts[day+1] += r.starts[day]
	}
	next := r.starts
	for i, delay := range s.Delay {
		bin := min(max(delay-firstBin, 0), binCount-1)
		day := s.day(i)
		r.cells[next[day]] = uint32(groupOf[s.Origin[i]]*binCount) + uint32(bin) //nolint:gosec // of a few thousand cells
		next[day]++
	}
	return r
}

// replicatesPerResample returns the number of groups, and one for all flights.
func (r *resampler) replicatesPerResample() int { return r.groups + 1 }

// draw draws one resample. It sets out[0] to the replicate of all its flights, and
// out[g+1] to that of group g.
func (r *resampler) draw(random *rand.Rand, out []replicate) {
	clear(r.counts)
	for drawn := 0; drawn < days; {
		first := random.IntN(days)
		for k := 0; k < blockDays && drawn < days; k++ {
			// The first day follows the last one. Otherwise the days at both ends would be
			// drawn less often than the others.
			r.count((first + k) % days)
			drawn++
		}
	}
	var all [binCount]uint32
	for g := range r.groups {
		counts := r.counts[g*binCount : (g+1)*binCount]
		for bin, n := range counts {
			all[bin] += n
		}
		out[g+1] = summarize(counts)
	}
	out[0] = summarize(all[:])
}

func (r *resampler) count(day int) {
	for _, cell := range r.cells[r.starts[day]:r.starts[day+1]] {
		r.counts[cell]++
	}
}

// summarize returns the replicate of a histogram of delays.
func summarize(counts []uint32) replicate {
	var r replicate
	for _, n := range counts {
		r.Flights += n
	}
	for _, n := range counts[lateAfter-firstBin+1:] {
		r.Late += n
	}
	// As in quantile: the smallest delay that nine in ten do not exceed.
	need, sum := (r.Flights*9+9)/10, uint32(0)
	for bin, n := range counts {
		if sum += n; sum >= need {
			r.P90 = int32(bin) + firstBin
			break
		}
	}
	return r
}
