package progress

import "time"

// paceMarks is into how many parts the progress of a phase is divided, at most, to find out
// how evenly it goes.
const paceMarks = 16

// pace is how a phase has gone in this run: how long each of up to paceMarks parts of it took.
type pace struct {
	marks []paceMark // ascending
}

type paceMark struct {
	fraction float64
	at       time.Duration
}

// reset forgets what was seen. The phase begins at that fraction and time.
func (p *pace) reset(fraction float64, at time.Duration) {
	if cap(p.marks) == 0 {
		return // before the first report nothing is kept
	}
	p.marks = append(p.marks[:0], paceMark{fraction, at})
}

// add notes that the phase, which has begun at begin, has reached a mark. It allocates at most
// once for each phase.
func (p *pace) add(begin, now paceMark) {
	if cap(p.marks) == 0 {
		p.marks = append(make([]paceMark, 0, paceMarks+1), begin)
	}
	if last := len(p.marks); last < cap(p.marks) && now.fraction-p.marks[last-1].fraction >= 1.0/paceMarks {
		p.marks = append(p.marks, now)
	}
}

// noise returns the variance of the phase's pace, relative to its square, for one whole phase,
// and from how many parts less one it was found. For a fraction f of the phase it is noise/f.
//
// Slow and fast parts may be longer than a sixteenth of a phase, and then look even at that
// scale: so the largest of the variances by single parts, by pairs and by fours counts (the
// method of batch means).
func (p *pace) noise() (variance float64, freedom int) {
	for stride := 1; stride <= 4; stride *= 2 {
		if v, n := p.noiseBy(stride); n > 0 && (freedom == 0 || n >= 3 && v > variance) {
			variance, freedom = v, n
		}
	}
	return variance, freedom
}

func (p *pace) noiseBy(stride int) (variance float64, freedom int) {
	var squares, took, did float64
	n := 0
	for i := stride; i < len(p.marks); i += stride {
		dt := float64(p.marks[i].at - p.marks[i-stride].at)
		df := p.marks[i].fraction - p.marks[i-stride].fraction
		squares, took, did, n = squares+dt*dt/df, took+dt, did+df, n+1
	}
	if n < 2 || took <= 0 {
		return 0, 0
	}
	mean := took / did
	return max(0, squares-took*mean) / float64(n-1) / (mean * mean), n - 1
}
