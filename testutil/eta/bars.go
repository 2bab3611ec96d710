package eta

import (
	"time"

	"github.com/vbauerster/mpb/v8/decor"
)

// whole is the progress of a whole job by the weights of its phases, as one bar shows it.
type whole struct {
	weights    []float64
	sum        float64
	before     float64 // of the phases that have ended
	fraction   float64
	phase      int
	reportedAt time.Duration
}

func newWhole(j Job) whole {
	w := whole{}
	for _, phase := range j.Phases {
		w.weights, w.sum = append(w.weights, phase.Weight), w.sum+phase.Weight
	}
	return w
}

func (w *whole) Begin(phase, _ int, _ time.Duration) { w.phase = phase }

func (w *whole) Item(phase, done, items int, now time.Duration) {
	w.fraction = (w.before + w.weights[phase]*float64(done)/float64(items)) / w.sum
	w.reportedAt = now
}

func (w *whole) End(phase int, now time.Duration) {
	w.before += w.weights[phase]
	w.fraction, w.reportedAt = w.before/w.sum, now
}

// linear extrapolates the time so far: what most programs do.
type linear struct{ whole }

// NewLinear returns an estimator that extrapolates the time so far.
func NewLinear(j Job) Estimator { return &linear{newWhole(j)} }

func (l *linear) Remaining(now time.Duration) (time.Duration, bool) {
	if l.fraction == 0 {
		return 0, false
	}
	return time.Duration(float64(now) * (1 - l.fraction) / l.fraction), true
}

// tqdm is the estimator of Python's tqdm with its defaults (std.py, class EMA, smoothing 0.3,
// mininterval 0.1 s): the average of the speeds, weighted exponentially and corrected for its
// bias at the begin.
type tqdm struct {
	whole
	lastFraction float64
	lastAt       time.Duration
	dn, dt       bias
}

// bias is tqdm's class EMA.
type bias struct {
	last  float64
	decay float64 // beta to the power of the calls
}

func (e *bias) add(x float64) {
	const smoothing = 0.3
	if e.decay == 0 {
		e.decay = 1
	}
	e.last = smoothing*x + (1-smoothing)*e.last
	e.decay *= 1 - smoothing
}

func (e *bias) value() float64 { return e.last / (1 - e.decay) }

// NewTQDM returns tqdm's estimator.
func NewTQDM(j Job) Estimator { return &tqdm{whole: newWhole(j)} }

func (b *tqdm) Item(phase, done, items int, now time.Duration) {
	b.whole.Item(phase, done, items, now)
	b.update(now)
}

func (b *tqdm) End(phase int, now time.Duration) {
	b.whole.End(phase, now)
	b.update(now)
}

func (b *tqdm) update(now time.Duration) {
	const minInterval = 100 * time.Millisecond
	if now-b.lastAt < minInterval || b.fraction <= b.lastFraction {
		return
	}
	b.dn.add(b.fraction - b.lastFraction)
	b.dt.add(float64(now - b.lastAt))
	b.lastFraction, b.lastAt = b.fraction, now
}

func (b *tqdm) Remaining(time.Duration) (time.Duration, bool) {
	if b.lastAt == 0 {
		return 0, false
	}
	return time.Duration((1 - b.fraction) * b.dt.value() / b.dn.value()), true
}

// mpbBar is the estimator of mpb, which this repository's bars could have used: its own code,
// with the age of its examples.
type mpbBar struct {
	whole
	eta          decor.Decorator
	shown        time.Duration
	lastFraction float64
	lastAt       time.Duration
}

const mpbTotal = 1_000_000 // units of a bar

// NewMPB returns mpb's estimator.
func NewMPB(j Job) Estimator {
	const age = 30
	b := &mpbBar{whole: newWhole(j)}
	b.eta = decor.EwmaNormalizedETA(decor.ET_STYLE_GO, age, decor.TimeNormalizerFunc(func(left time.Duration) time.Duration {
		b.shown = left
		return left
	}))
	return b
}

func (b *mpbBar) Item(phase, done, items int, now time.Duration) {
	b.whole.Item(phase, done, items, now)
	b.update(now)
}

func (b *mpbBar) End(phase int, now time.Duration) {
	b.whole.End(phase, now)
	b.update(now)
}

func (b *mpbBar) update(now time.Duration) {
	units := int64((b.fraction - b.lastFraction) * mpbTotal)
	if units == 0 {
		return
	}
	if counter, ok := b.eta.(decor.EwmaDecorator); ok {
		counter.EwmaUpdate(units, now-b.lastAt)
	}
	b.lastFraction, b.lastAt = b.fraction, now
}

func (b *mpbBar) Remaining(time.Duration) (time.Duration, bool) {
	b.eta.Decor(decor.Statistics{Total: mpbTotal, Current: int64(b.fraction * mpbTotal)})
	return b.shown, b.shown > 0
}
