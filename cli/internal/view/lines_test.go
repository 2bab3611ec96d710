package view

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/capture"
	"github.com/ntxdev/jobsystem/model"
)

func TestLinesReportEachStepOnce(t *testing.T) {
	t.Parallel()
	out := capture.NewStream(t)
	started := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	now := func() time.Time { return started.Add(time.Minute) }
	v := newLines(NewPrinter(out, now))
	took := int64(7100)
	j := &model.JobView{
		Status: model.Processing, Percent: 35, CurrentStep: "rank", Message: "half\nof it", StartedAt: model.TimeOf(started),
		Steps: []model.StepView{
			{Name: "load", Weight: 1, Status: model.StepCompleted, FinishedAt: model.TimeOf(started.Add(-time.Hour)), DurationMS: &took, Duration: "7.1s"},
			{Name: "clean", Weight: 2, Status: model.StepCompleted, FinishedAt: model.TimeOf(started.Add(time.Second)), DurationMS: &took, Duration: "7.1s"},
			{Name: "rank", Weight: 7, Status: model.StepRunning},
		},
	}
	require.NoError(t, v.Update(j))
	require.NoError(t, v.Update(j))
	ended := *j
	ended.Status, ended.Percent, ended.Error = model.Failed, 40, "step \"rank\": boom\n\nstack"
	ended.Steps = append([]model.StepView(nil), j.Steps...)
	ended.Steps[2] = model.StepView{Name: "rank", Weight: 7, Status: model.StepFailed, FinishedAt: model.TimeOf(started.Add(9 * time.Second)), Duration: "8s", Error: "boom\n\nstack"}
	require.NoError(t, v.Update(&ended))
	assert.Equal(t, `2026-10-01T06:00:00Z processing  10% skipped load: completed at 2026-10-01T05:00:00Z by an earlier run
2026-10-01T06:00:01Z processing  30% done clean in 7.1s
2026-10-01T06:01:00Z processing  35% rank: half of it
2026-10-01T06:00:09Z processing  40% failed rank after 8s: boom
2026-10-01T06:01:00Z failed  40% step "rank": boom
`, out.String())
}

func TestLinesGiveAStepsEndTheTimeWhenItWas(t *testing.T) {
	t.Parallel()
	out := capture.NewStream(t)
	started := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	at := func(d time.Duration) model.Time { return model.TimeOf(started.Add(d)) }
	v := newLines(NewPrinter(out, func() time.Time { return started.Add(24 * time.Hour) }))
	require.NoError(t, v.Update(&model.JobView{
		Status: model.Succeeded, Percent: 100, StartedAt: at(0), FinishedAt: at(9 * time.Second),
		Steps: []model.StepView{
			{Name: "load", Weight: 1, Status: model.StepCompleted, FinishedAt: at(2 * time.Second), Duration: "2s"},
			{Name: "rank", Weight: 2, Status: model.StepCompleted, FinishedAt: at(8 * time.Second), Duration: "6s"},
			{Name: "mail", Weight: 3, Status: model.StepSkipped, Error: "needless"}, // it has no times
		},
	}))
	assert.Equal(t, `2026-10-01T06:00:02Z processing  16% done load in 2s
2026-10-01T06:00:08Z processing  50% done rank in 6s
2026-10-01T06:00:09Z processing 100% skipped mail: needless
2026-10-01T06:00:09Z succeeded 100%
`, out.String())
}

// A job that was killed at 96 % is followed over its resume.
func TestThePercentOfLinesFallsOnlyAtARestart(t *testing.T) {
	t.Parallel()
	out := capture.NewStream(t)
	killed := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	v := newLines(NewPrinter(out, func() time.Time { return killed.Add(time.Minute) }))
	show := func(j model.JobView) { require.NoError(t, v.Update(&j)) }
	steps := []model.StepView{
		{Name: "load", Weight: 2, Status: model.StepCompleted, FinishedAt: model.TimeOf(killed.Add(-time.Hour)), Duration: "1s"},
		{Name: "rank", Weight: 98, Status: model.StepRunning},
	}
	// The steps of the killed run were shown by the program that was killed with it.
	show(model.JobView{Status: model.Processing, LeaseExpired: true, Percent: 96, CurrentStep: "rank", StartedAt: model.TimeOf(killed.Add(-2 * time.Hour))})
	show(model.JobView{Status: model.Processing, Percent: 96, CurrentStep: "rank", StartedAt: model.TimeOf(killed), Steps: steps})
	show(model.JobView{Status: model.Processing, Stalled: true, Percent: 96, CurrentStep: "rank", StartedAt: model.TimeOf(killed), Steps: steps})
	show(model.JobView{Status: model.Scheduled})
	assert.Equal(t, `2026-10-01T06:01:00Z processing(lease-expired)  96% rank
2026-10-01T06:00:00Z processing  96% skipped load: completed at 2026-10-01T05:00:00Z by an earlier run
2026-10-01T06:01:00Z processing  96% rank
2026-10-01T06:01:00Z processing(stalled)  96% rank
2026-10-01T06:01:00Z scheduled   0%
`, out.String())
}
