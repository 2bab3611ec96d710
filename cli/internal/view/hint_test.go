package view

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
)

func TestHintsSayWhatToDo(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("01890000-0000-7000-8000-000000000001")
	start := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	at := func(d time.Duration) model.Time { return model.TimeOf(start.Add(d)) }
	for name, test := range map[string]struct {
		job  model.JobView
		want string // a part of the hints; empty for none
	}{
		"succeeded":        {model.JobView{Status: model.Succeeded}, ""},
		"scheduled":        {model.JobView{Status: model.Scheduled}, "a worker has its type (shopctl worker)"},
		"failed":           {model.JobView{Status: model.Failed, CurrentStep: "rank"}, "what to do"},
		"cancelled":        {model.JobView{Status: model.Cancelled}, "what to do"},
		"deleted":          {model.JobView{Status: model.Failed, DeletedAt: at(0)}, "The job is deleted"},
		"lease run out":    {model.JobView{Status: model.Processing, LeaseExpired: true}, "was killed or is cut off from the database"},
		"cancel requested": {model.JobView{Status: model.Processing, CancelRequested: true}, "when the step under way has returned"},
		"gets further":     {model.JobView{Status: model.Processing, StartedAt: at(0), ProgressedAt: at(time.Hour), HeartbeatAt: at(time.Hour + time.Minute)}, ""},
		"stands still":     {model.JobView{Status: model.Processing, StartedAt: at(0), ProgressedAt: at(0), HeartbeatAt: at(10 * time.Minute)}, "has made no progress for 10m: the step may hang"},
		"has just started": {model.JobView{Status: model.Processing, StartedAt: at(time.Hour), ProgressedAt: at(0), HeartbeatAt: at(time.Hour)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.job.ID = id
			got := strings.Join(Hints(&test.job, HintData{Program: "shopctl", Resume: "what to do"}), "\n")
			if test.want == "" {
				assert.Empty(t, got)
			}
			assert.Contains(t, got, test.want)
		})
	}
}

func TestHintsOfAJobInDoubtNameBothWays(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("01890000-0000-7000-8000-000000000001")
	hint := ResumeHint("jobctl", &model.JobView{ID: id, Status: model.Failed, CurrentStep: "pay", InDoubt: []string{"pay it"}}, NextStep{})
	assert.Contains(t, hint, `died in the middle of step "pay it"`)
	assert.Contains(t, hint, `resume `+id.String()+` --rerun-from 'pay it'`)
	assert.Contains(t, hint, `resume `+id.String()+` --skip-step 'pay it'`)
}
