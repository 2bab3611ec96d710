package protocol

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Result is what a check has found.
type Result struct {
	// States is the number of states, or of those that were visited before the first that
	// breaks a promise.
	States int
	// Broken is the promise that is broken, empty if none is; Trace is the shortest way to
	// that, one step a line.
	Broken string
	Trace  []string
}

// String returns the result as a text for people.
func (r Result) String() string {
	if r.Broken == "" {
		return fmt.Sprintf("%d states, and each promise is kept in all of them", r.States)
	}
	var b strings.Builder
	for i, name := range r.Trace {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, name)
	}
	fmt.Fprintf(&b, "     %s", r.Broken)
	return b.String()
}

// wedged is the promise that a state breaks from which not all jobs can end.
const wedged = "from here on jobs cannot end or locks cannot become free, though all engines are healthy"

// visited is how a state was reached, and whether all has ended in it.
type visited struct {
	parent int32
	good   bool
}

// Check visits each state that the model can reach, the nearest first. It stops at the
// first one that breaks a promise; if none does, it checks that all jobs can end from each
// of them.
func (m *Model) Check() Result {
	start := m.start()
	m.same(&start)
	known := map[state]int32{start: 0}
	states := []state{start}
	seen := []visited{{parent: -1, good: m.good(&start)}}
	var from, to []int32 // healthy steps
	for i := 0; i < len(states); i++ {
		current := states[i]
		for _, step := range m.steps(&current) {
			if step.broken == "" {
				step.broken = m.broken(&step.after)
			}
			if step.broken != "" {
				names, last := m.trace(states, seen, int32(i))
				return Result{States: len(states), Broken: step.broken, Trace: append(names, m.breaking(&last, step.broken))}
			}
			m.same(&step.after)
			n, ok := known[step.after]
			if !ok {
				n = int32(len(states))
				known[step.after] = n
				states = append(states, step.after)
				seen = append(seen, visited{parent: int32(i), good: m.good(&step.after)})
			}
			if step.healthy {
				from, to = append(from, int32(i)), append(to, n)
			}
		}
	}
	if i := stuck(seen, from, to); i >= 0 {
		names, _ := m.trace(states, seen, i)
		return Result{States: len(states), Broken: wedged, Trace: names}
	}
	return Result{States: len(states)}
}

// stuck returns the nearest state from which no good one can be reached by those steps,
// or -1.
func stuck(seen []visited, from, to []int32) int32 {
	// The steps into each state, one after the other.
	first := make([]int32, len(seen)+1)
	for _, n := range to {
		first[n+1]++
	}
	for i := range seen {
		first[i+1] += first[i]
	}
	into := make([]int32, len(to))
	place := append([]int32(nil), first...)
	for k, n := range to {
		into[place[n]] = from[k]
		place[n]++
	}
	ends := make([]bool, len(seen))
	var open []int32
	for i := range seen {
		if seen[i].good {
			ends[i] = true
			open = append(open, int32(i))
		}
	}
	for len(open) > 0 {
		n := open[len(open)-1]
		open = open[:len(open)-1]
		for _, before := range into[first[n]:first[n+1]] {
			if !ends[before] {
				ends[before] = true
				open = append(open, before)
			}
		}
	}
	for i, ok := range ends {
		if !ok {
			return int32(i)
		}
	}
	return -1
}

// trace returns the names of the steps that lead to a state. It repeats them from the
// start: then attempts have the numbers that they would have.
func (m *Model) trace(states []state, seen []visited, i int32) (names []string, last state) {
	var path []int32
	for ; seen[i].parent >= 0; i = seen[i].parent {
		path = append(path, i)
	}
	last = m.start()
	for _, n := range slices.Backward(path) {
		for _, step := range m.steps(&last) {
			named := step.after
			if m.same(&named); named == states[n] {
				names, last = append(names, step.name()), step.after
				break
			}
		}
	}
	return names, last
}

// breaking returns the name of the step from a state that breaks that promise.
func (m *Model) breaking(s *state, promise string) string {
	for _, step := range m.steps(s) {
		if cmp.Or(step.broken, m.broken(&step.after)) == promise {
			return step.name()
		}
	}
	return ""
}
