package progress

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Phase is one part of the work. Its Name is unique within a tracker; its
// Weight, a finite number above 0, is its size relative to the other phases.
// Weights have no unit and need not add up to anything.
type Phase struct {
	Name   string
	Weight float64
	// Group is the same for phases that stand together and run at the same time:
	// what is left of them is estimated as what is left of the longest. Empty is
	// none.
	Group string
	// Limit is how many phases of the Group run at the same time, the same in each
	// of them; 0 for all.
	Limit int
}

// Errors of [Tracker.Start], to be tested with [errors.Is].
var (
	ErrUnknownPhase = errors.New("unknown phase")
	ErrPhaseDone    = errors.New("phase is already done")
)

// checkPhases returns every mistake in phases.
func checkPhases(phases []Phase) []error {
	if len(phases) == 0 {
		return []error{errors.New("no phases")}
	}
	var errs []error
	first := make(map[string]int, len(phases))
	for i, phase := range phases {
		earlier, seen := first[phase.Name]
		switch {
		case phase.Name == "":
			errs = append(errs, fmt.Errorf("phase %d has no name", i+1))
		case seen:
			errs = append(errs, fmt.Errorf("phase %d has the name of phase %d, %q", i+1, earlier+1, phase.Name))
		default:
			first[phase.Name] = i
		}
		if group := phase.Group; group != "" && i > 0 {
			switch at := slices.IndexFunc(phases[:i], func(p Phase) bool { return p.Group == group }); {
			case at < 0:
			case phases[i-1].Group != group:
				errs = append(errs, fmt.Errorf("phase %d %q is apart from the others of its group %q", i+1, phase.Name, group))
			case phases[at].Limit != phase.Limit:
				errs = append(errs, fmt.Errorf("phase %d %q has limit %d, and others of its group %q have %d", i+1, phase.Name, phase.Limit, group, phases[at].Limit))
			}
		}
		if phase.Limit < 0 {
			errs = append(errs, fmt.Errorf("phase %d %q has limit %d: want 0 or more", i+1, phase.Name, phase.Limit))
		}
		if !validWeight(phase.Weight) {
			errs = append(errs, fmt.Errorf("phase %d %q has weight %v: want a finite number above 0", i+1, phase.Name, phase.Weight))
		}
	}
	return errs
}

func validWeight(w float64) bool { return w > 0 && !math.IsInf(w, 1) }

// part is a phase and how far it is. Its fractions are 0 to 1 and only grow.
type part struct {
	name     string
	weight   float64
	fraction float64
	restored float64 // how much of fraction an earlier run did
	state    state
	message  string
	group    string
	limit    int

	// movedAt is when it was started or got further last: elapsed then.
	movedAt time.Duration
	// saidLeft is what the phase itself has said to be left, at saidAt; negative for
	// nothing.
	saidLeft, saidAt time.Duration
}

type state uint8

const (
	pending state = iota // neither started nor done
	open
	done
)

// newParts returns the phases as parts, and the sum of their weights.
func newParts(phases []Phase) (parts []part, sum float64) {
	for _, phase := range phases {
		sum += phase.Weight
	}
	scale := 1.0
	if math.IsInf(sum, 1) {
		// Each weight is finite and the sum is not: only ratios matter, so
		// shrink them all until the sum fits.
		scale, sum = 0.5/float64(len(phases)), 0
		for _, phase := range phases {
			sum += phase.Weight * scale
		}
	}
	parts = make([]part, len(phases))
	for i, phase := range phases {
		parts[i] = part{name: phase.Name, weight: phase.Weight * scale, group: phase.Group, limit: phase.Limit, saidLeft: -1}
	}
	return parts, sum
}
