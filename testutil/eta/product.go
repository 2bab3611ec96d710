package eta

import (
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/progress"
)

// tracked is the estimator of package progress.
type tracked struct {
	job     Job
	known   Known
	now     time.Duration
	tracker *progress.Tracker
}

// NewProduct returns the estimator of package progress, with a history of earlier jobs.
func NewProduct(j Job, earlier []Job, known Known) Estimator {
	t := &tracked{job: j, known: known}
	phases := make([]progress.Phase, len(j.Phases))
	for i, phase := range j.Phases {
		phases[i] = progress.Phase{Name: phase.Name, Weight: phase.Weight}
		if known == Declared {
			phases[i].Size = float64(len(phase.Items))
		}
	}
	start := time.Unix(0, 0)
	history := make([]progress.Samples, len(earlier))
	for i, one := range earlier {
		history[i] = one.samples(known)
	}
	var err error
	t.tracker, err = progress.New(phases, progress.History(history...), progress.Clock(func() time.Time { return start.Add(t.now) }))
	if err != nil {
		panic(err) // the jobs are ours
	}
	return t
}

// samples returns a job that has run as an earlier one of a history.
func (j Job) samples(known Known) progress.Samples {
	out := make(progress.Samples)
	for _, phase := range j.Phases {
		sample := progress.Sample{Duration: phase.Total(), Silent: phase.Silent}
		if known == Declared || known == AtBegin && !phase.Silent {
			sample.Size = float64(len(phase.Items))
		}
		out[phase.Name] = sample
	}
	return out
}

func (t *tracked) Begin(phase, items int, now time.Duration) {
	t.now = now
	name := t.job.Phases[phase].Name
	_ = t.tracker.Start(name)
	if t.known == AtBegin && !t.job.Phases[phase].Silent {
		t.tracker.SetSize(name, float64(items))
	}
}

func (t *tracked) Item(phase, done, items int, now time.Duration) {
	t.now = now
	t.tracker.Set(t.job.Phases[phase].Name, float64(done)/float64(items), "")
}

func (t *tracked) End(phase int, now time.Duration) {
	t.now = now
	t.tracker.Done(t.job.Phases[phase].Name)
}

func (t *tracked) Remaining(now time.Duration) (time.Duration, bool) {
	t.now = now
	u := t.tracker.Snapshot()
	return u.Remaining, u.Source != progress.SourceUnknown
}

// P90 returns the upper end of the range, 0 if there is none.
func (t *tracked) P90(now time.Duration) time.Duration {
	t.now = now
	return t.tracker.Snapshot().RemainingP90
}

// medians is the sum of the medians of earlier jobs, less what is done: an estimate by history
// alone.
type medians struct {
	usual    []float64
	fraction []float64
	advanced []time.Duration
	open     int
}

// NewMedians returns an estimator that adds up the medians of earlier jobs.
func NewMedians(j Job, earlier []Job) Estimator {
	n := len(j.Phases)
	m := &medians{usual: make([]float64, n), fraction: make([]float64, n), advanced: make([]time.Duration, n), open: -1}
	for i := range j.Phases {
		all := make([]time.Duration, 0, len(earlier))
		for _, one := range earlier {
			all = append(all, one.Phases[i].Total())
		}
		slices.Sort(all)
		m.usual[i] = float64(all[len(all)/2])
	}
	return m
}

func (m *medians) Begin(phase, _ int, now time.Duration) { m.open, m.advanced[phase] = phase, now }

func (m *medians) Item(phase, done, items int, now time.Duration) {
	m.fraction[phase], m.advanced[phase] = float64(done)/float64(items), now
}

func (m *medians) End(phase int, _ time.Duration) { m.fraction[phase] = 1 }

func (m *medians) Remaining(now time.Duration) (time.Duration, bool) {
	sum := 0.0
	for i, usual := range m.usual {
		left := usual * (1 - m.fraction[i])
		if i == m.open {
			left -= float64(now - m.advanced[i])
		}
		sum += max(0, left)
	}
	return time.Duration(sum), true
}
