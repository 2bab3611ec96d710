package view

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/cli/internal/capture"
	"github.com/ntxdev/jobsystem/model"
)

func TestAStepThatAnEarlierRunFailedIsNotReported(t *testing.T) {
	t.Parallel()
	out := capture.NewStream(t)
	started := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	ends := newStepEnds(NewPrinter(out, time.Now))
	assert.Empty(t, ends.in(&model.JobView{
		Status: model.Processing, StartedAt: model.TimeOf(started),
		Steps: []model.StepView{{Name: "load", Status: model.StepFailed, FinishedAt: model.TimeOf(started.Add(-time.Hour))}},
	}))
}
