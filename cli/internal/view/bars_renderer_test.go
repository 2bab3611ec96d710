package view

import (
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/cli/internal/capture"
	"github.com/ntxdev/jobsystem/model"
)

// rendered is a job under way, 4 seconds after its latest run began.
func rendered(width int) barsRenderer {
	start := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	at := func(d time.Duration) model.Time { return model.TimeOf(start.Add(d)) }
	ms := func(d time.Duration) *int64 { n := d.Milliseconds(); return &n }
	j := &model.JobView{
		Name: "Flights report", Status: model.Processing, Progress: 0.45, Percent: 45, Message: "resample 300 of 1000", StartedAt: at(0),
		ElapsedMS: ms(4 * time.Second), RemainingMS: ms(65 * time.Second), StepsCompleted: 2, StepsTotal: 5,
		Steps: []model.StepView{
			{Name: "load", Status: model.StepCompleted, Weight: 1, FinishedAt: at(-time.Minute), Duration: "2s"},
			{Name: "clean", Status: model.StepCompleted, Weight: 1, FinishedAt: at(time.Second), Duration: "1s"},
			{Name: "bootstrap", Status: model.StepRunning, Weight: 5, DurationMS: ms(3 * time.Second)},
			{Name: "charts", Status: model.StepPending, Weight: 2},
			{Name: "write", Status: model.StepPending, Weight: 1},
		},
	}
	now := func() time.Time { return start.Add(5 * time.Second) }
	return barsRenderer{JobView: j, out: &Printer{terminal: true, now: now}, width: width, rows: 5, since: time.Second}
}

func (r barsRenderer) screen() string {
	var lines []string
	for row := range jobRows + r.rows {
		lines = append(lines, capture.Uncoloured(r.line(row)))
	}
	return strings.Join(lines, "\n")
}

func TestBarsShowTheJobAndALineForEachStep(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `Flights report ████████████░░░░░░░░░░░░░░  45%  5s, about 1m 4s left
  resample 300 of 1000
  ✓ load       skipped: completed 1m 5s ago by an earlier run
  ✓ clean      done in 1s
  ▸ bootstrap   50%  4s
  · charts
  · write`, rendered(68).screen())
}

func TestBarsShowHowAJobEnded(t *testing.T) {
	t.Parallel()
	r := rendered(90)
	took := int64(7100)
	r.Status, r.Elapsed, r.Message = model.Failed, "7.1s", ""
	r.Steps[2] = model.StepView{Name: "bootstrap", Status: model.StepFailed, Weight: 5, StartedAt: r.StartedAt, FinishedAt: model.TimeOf(r.StartedAt.Add(time.Second)),
		DurationMS: &took, Duration: "7.1s", Error: "boom\nstack"}
	screen := r.screen()
	assert.Contains(t, screen, " 45%  failed, in 7.1s")
	assert.Contains(t, screen, "  ✗ bootstrap  failed after 7.1s: boom\n")
	r.Status, r.Progress, r.Percent = model.Succeeded, 1, 100
	assert.Contains(t, capture.Uncoloured(r.line(jobRow)), strings.Repeat("█", 40)+" 100%  succeeded, in 7.1s")
}

func TestBarsShowWhatIsUnusual(t *testing.T) {
	t.Parallel()
	r := rendered(100)
	r.CancelRequested = true
	assert.Contains(t, r.screen(), "processing, cancel requested, 5s")
	r.LeaseExpired = true
	assert.Contains(t, r.screen(), "processing, lease expired, 5s")
	r.RemainingMS = nil
	assert.NotContains(t, r.screen(), "left")
}

func TestBarsFitEveryWidth(t *testing.T) {
	t.Parallel()
	for width := range 120 {
		for line := range strings.SplitSeq(rendered(width).screen(), "\n") {
			assert.LessOrEqual(t, runewidth.StringWidth(line), width, line)
		}
	}
}

func TestBarsOnALowTerminalShowTheStepsAroundTheCurrentOne(t *testing.T) {
	t.Parallel()
	r := rendered(60)
	r.rows = 3
	screen := r.screen()
	assert.NotContains(t, screen, "load")
	assert.Contains(t, screen, "bootstrap")
	assert.NotContains(t, screen, "write")
	r.StepsCompleted = 5
	assert.Contains(t, r.screen(), "write")
}
