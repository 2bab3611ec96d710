package cli

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
)

func TestHintsOfAnUndecidedJobTellBothWays(t *testing.T) {
	t.Parallel()
	inv := &invocation{name: "jobctl"}
	id := uuid.MustParse("01890000-0000-7000-8000-000000000001")
	hints := inv.hints(&model.JobStatus{ID: id, Status: model.Failed, CurrentStep: "pay", Undecided: []string{"pay it"}})
	assert.Contains(t, hints[0], `died in the middle of step "pay it"`)
	assert.Contains(t, hints[0], `resume `+id.String()+` --from 'pay it'`)
	assert.Contains(t, hints[0], `resume `+id.String()+` --past 'pay it'`)
}
