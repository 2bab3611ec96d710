package progress

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Phase is one part of the work.
type Phase struct {
	// Name is not empty and unique within a tracker.
	Name string
	// Weight is the size of the phase relative to the others: a finite number
	// above 0. Weights have no unit and may have any sum.
	Weight float64
	// Group names a set of adjacent phases that run at the same time. Their
	// remaining time is that of the longest, not the sum. A phase without a Group
	// runs by itself.
	Group string
	// MaxParallel limits how many phases of the Group run at the same time; 0
	// means all. It must be the same for all phases of the Group.
	MaxParallel int
	// Size is how much the phase has to do in this run, if that is known before it begins:
	// in the unit of [Sample.Size], for example in items. Then its estimate goes by how
	// long earlier runs took for as much. 0 means that it is not known; see
	// [Tracker.SetSize].
	Size float64
}

// Errors returned by [Tracker.Start]; test for them with [errors.Is].
var (
	ErrUnknownPhase = errors.New("unknown phase")
	ErrPhaseDone    = errors.New("phase is already done")
)

// checkPhases returns an error for each invalid property of phases.
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
		if err := checkGroup(phases[:i], phase); err != nil {
			errs = append(errs, err)
		}
		if !(phase.Size >= 0) || math.IsInf(phase.Size, 1) {
			errs = append(errs, fmt.Errorf("phase %d %q has size %v: want a finite number, 0 or more", i+1, phase.Name, phase.Size))
		}
		if phase.MaxParallel < 0 {
			errs = append(errs, fmt.Errorf("phase %d %q has max parallel %d: want 0 or more", i+1, phase.Name, phase.MaxParallel))
		}
		if !validWeight(phase.Weight) {
			errs = append(errs, fmt.Errorf("phase %d %q has weight %v: want a finite number above 0", i+1, phase.Name, phase.Weight))
		}
	}
	return errs
}

// checkGroup returns an error if phase, which follows earlier, is separated from
// its group or differs from it in MaxParallel.
func checkGroup(earlier []Phase, phase Phase) error {
	first := slices.IndexFunc(earlier, func(p Phase) bool { return p.Group == phase.Group })
	if phase.Group == "" || first < 0 {
		return nil
	}
	number := len(earlier) + 1
	if earlier[len(earlier)-1].Group != phase.Group {
		return fmt.Errorf("phase %d %q is not adjacent to the other phases of its group %q", number, phase.Name, phase.Group)
	}
	if want := earlier[first].MaxParallel; want != phase.MaxParallel {
		return fmt.Errorf("phase %d %q has max parallel %d, but its group %q has %d", number, phase.Name, phase.MaxParallel, phase.Group, want)
	}
	return nil
}

func validWeight(w float64) bool { return w > 0 && !math.IsInf(w, 1) }

// trackedPhase is a phase with its progress. Its fractions are from 0 to 1 and
// never fall.
type trackedPhase struct {
	name             string
	weight           float64
	fraction         float64
	restoredFraction float64 // the part of fraction that an earlier run completed
	state            state
	message          string
	group            string
	maxParallel      int

	// size is how much it has to do, 0 if that is not known.
	size float64
	// beganAt is the elapsed time at which it was last started, if began, and
	// beganFraction its fraction then. advancedAt is the elapsed time at which it was
	// last started, advanced or done.
	began               bool
	beganAt, advancedAt time.Duration
	beganFraction       float64
	// reports counts how often it has advanced before its end, and pace is how evenly it
	// goes: both since it was last started.
	reports int
	pace    pace
	// reportedLeft is the remaining time that the caller reported when the elapsed
	// time was reportedAt. It is negative if nothing was reported.
	reportedLeft, reportedAt time.Duration
}

// begin notes that the phase begins, for the first time or again.
func (p *trackedPhase) begin(now time.Duration) {
	p.began, p.beganAt, p.beganFraction, p.advancedAt = true, now, p.fraction, now
	p.reports = 0
	p.pace.reset(p.fraction, now)
}

// advance notes that the phase has reached a fraction, above the one before.
func (p *trackedPhase) advance(fraction float64, now time.Duration) {
	p.fraction = fraction
	p.reports, p.advancedAt = p.reports+1, now
	p.pace.add(paceMark{p.beganFraction, p.beganAt}, paceMark{fraction, now})
}

type state uint8

const (
	pending state = iota // neither started nor done
	open
	done
)

// newTrackedPhases returns the phases, none of them started, and the sum of
// their weights.
func newTrackedPhases(phases []Phase) (tracked []trackedPhase, sum float64) {
	for _, phase := range phases {
		sum += phase.Weight
	}
	scale := 1.0
	if math.IsInf(sum, 1) {
		// Each weight is finite but the sum overflows. Only ratios matter, so scale
		// all weights down until the sum is finite.
		scale, sum = 0.5/float64(len(phases)), 0
		for _, phase := range phases {
			sum += phase.Weight * scale
		}
	}
	tracked = make([]trackedPhase, len(phases))
	for i, phase := range phases {
		tracked[i] = trackedPhase{name: phase.Name, weight: phase.Weight * scale, group: phase.Group, maxParallel: phase.MaxParallel, size: phase.Size, reportedLeft: -1}
	}
	return tracked, sum
}
