package eta

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Shape is how the times of a phase's items are distributed.
type Shape string

// The shapes; see the package documentation.
const (
	Constant  Shape = "constant"
	RampingUp Shape = "ramping up"
	Bursty    Shape = "bursty"
	LongTail  Shape = "long tail"
)

// Known says when the sizes of the phases are known.
type Known string

// The values of [Known].
const (
	Never    Known = ""
	AtBegin  Known = "known at the phase's begin"
	Declared Known = "declared"
)

// Case describes jobs to simulate.
type Case struct {
	Shape   Shape
	Earlier int     // jobs of history
	Sigma   float64 // of the jobs' sizes
	Apart   bool    // the sizes of a job's phases vary each by itself
	Known   Known
	Wrong   bool // the weights of two phases are wrong by a factor of five
	Silent  bool // two phases report nothing
}

// String describes the case.
func (c Case) String() string {
	parts := []string{"no history"}
	switch {
	case c.Earlier > 0 && c.Sigma == 0:
		parts = []string{"same size"}
	case c.Earlier > 0:
		parts = []string{fmt.Sprintf("sizes vary %.1f", c.Sigma)}
	}
	if c.Apart {
		parts = append(parts, "each phase apart")
	}
	if c.Known != Never {
		parts = append(parts, string(c.Known))
	}
	if c.Silent {
		parts = append(parts, "two silent phases")
	}
	weights := "right weights"
	if c.Wrong {
		weights = "weights wrong 5x"
	}
	return strings.Join(append(parts, weights), ", ")
}

const (
	usualItems = 200 // of a phase
	usualTotal = 60 * time.Second
)

var (
	shares      = []float64{0.10, 0.30, 0.25, 0.20, 0.15}
	wrongWeight = []float64{5, 1, 0.2, 1, 1}
	silent      = []bool{false, true, false, true, false}
)

// Job makes the job of that number: the same for each call.
func (c Case) Job(number uint64) Job {
	r := rand.New(rand.NewPCG(20261129, number))
	factor := math.Exp(c.Sigma * r.NormFloat64())
	var j Job
	sizes := make([]int, len(shares))
	all := 0
	for i := range shares {
		if c.Apart {
			factor = math.Exp(c.Sigma * r.NormFloat64())
		}
		sizes[i] = usualItems
		if !c.Silent || !silent[i] {
			sizes[i] = max(1, int(math.Round(usualItems*factor)))
		}
		all += sizes[i]
	}
	before := 0
	for i, share := range shares {
		phase := Phase{Name: fmt.Sprintf("phase %d", i+1), Weight: share, Silent: c.Silent && silent[i]}
		if c.Wrong {
			phase.Weight *= wrongWeight[i]
		}
		usual := share * float64(usualTotal) / usualItems
		phase.Usual = time.Duration(usual)
		phase.Items = c.Shape.items(r, usual, sizes[i], before, all)
		before += sizes[i]
		j.Phases = append(j.Phases, phase)
	}
	return j
}

// items returns the times of n items that take usual on average. before is the number of the
// job's items before them, and all of all its items.
func (s Shape) items(r *rand.Rand, usual float64, n, before, all int) []time.Duration {
	const (
		tail         = 1.5
		runLength    = 40
		slow, fast   = 1.6, 0.4
		first, reach = 2.2, 1.83 // of a ramp: from 2.2 down to 0.37
	)
	items := make([]time.Duration, n)
	inSlow := r.IntN(2) == 0
	for i := range items {
		factor := 1.0
		switch s {
		case Constant:
			factor = 1 + 0.05*(2*r.Float64()-1)
		case RampingUp:
			factor = first - reach*float64(before+i)/float64(all)
		case Bursty:
			if r.IntN(runLength) == 0 {
				inSlow = !inSlow
			}
			factor = fast
			if inSlow {
				factor = slow
			}
		case LongTail:
			factor = math.Exp(tail*r.NormFloat64() - tail*tail/2)
		}
		items[i] = max(1, time.Duration(usual*factor))
	}
	return items
}
