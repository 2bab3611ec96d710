package view

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
)

func TestAStepSaysHowManyJobsItWaitsFor(t *testing.T) {
	t.Parallel()
	for jobs, want := range map[int]string{1: "waits for its job", 2: "waits for its 2 jobs"} {
		assert.Equal(t, want, (&Printer{}).stepWait(model.StepView{Children: make([]uuid.UUID, jobs)}))
	}
}
