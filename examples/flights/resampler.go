package flights

import "math/rand/v2"

// block is how many days in a row are drawn together. What makes flights late -
// a storm, a full Friday - lasts for days and comes back by the week, so days
// do not repeat independently of each other, and flights much less.
const block = 7

// A delay is counted in one of these bins, a minute each. The first and the
// last one also hold what is beyond them, which no 90th percentile of an
// airport comes near.
const (
	firstBin = -64
	bins     = 448
)

// resampler draws half-years that might have been: days of the one that was,
// in blocks of seven, until there are as many.
type resampler struct {
	// cells holds for each flight where it is counted: group*bins + bin. The
	// flights of day d are those from starts[d] to starts[d+1].
	cells  []uint32
	starts [days + 1]int
	groups int
	counts []uint32
}

// replicate is what one resample says about one group of flights.
type replicate struct {
	Flights, Late uint32
	P90           int32
}

// newResampler takes the dated sample, and for each airport the group that its
// departures belong to.
func newResampler(s *Sample, groupOf []int, groups int) *resampler {
	r := &resampler{cells: make([]uint32, s.Len()), groups: groups, counts: make([]uint32, groups*bins)}
	for i := range s.Len() {
		r.starts[s.day(i)+1]++
	}
	for day := range days {
		r.starts[day+1] += r.starts[day]
	}
	next := r.starts
	for i, delay := range s.Delay {
		bin := min(max(delay-firstBin, 0), bins-1)
		day := s.day(i)
		r.cells[next[day]] = uint32(groupOf[s.Origin[i]]*bins) + uint32(bin) //nolint:gosec // of a few thousand cells
		next[day]++
	}
	return r
}

// width is how many replicates one resample has.
func (r *resampler) width() int { return r.groups + 1 }

// draw makes one resample and describes all its flights in out[0], and those of
// group g in out[g+1].
func (r *resampler) draw(random *rand.Rand, out []replicate) {
	clear(r.counts)
	for drawn := 0; drawn < days; {
		first := random.IntN(days)
		for k := 0; k < block && drawn < days; k++ {
			// The last days are followed by the first ones, or the days at
			// either end would be drawn more rarely than the others.
			r.count((first + k) % days)
			drawn++
		}
	}
	var all [bins]uint32
	for g := range r.groups {
		counts := r.counts[g*bins : (g+1)*bins]
		for bin, n := range counts {
			all[bin] += n
		}
		out[g+1] = describe(counts)
	}
	out[0] = describe(all[:])
}

func (r *resampler) count(day int) {
	for _, cell := range r.cells[r.starts[day]:r.starts[day+1]] {
		r.counts[cell]++
	}
}

// describe reads a histogram of delays.
func describe(counts []uint32) replicate {
	var d replicate
	for _, n := range counts {
		d.Flights += n
	}
	for _, n := range counts[lateAfter-firstBin+1:] {
		d.Late += n
	}
	// As in quantile: the smallest delay that nine in ten do not exceed.
	need, sum := (d.Flights*9+9)/10, uint32(0)
	for bin, n := range counts {
		if sum += n; sum >= need {
			d.P90 = int32(bin) + firstBin
			break
		}
	}
	return d
}
