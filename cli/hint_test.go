package cli

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
	inv := newInvocation([]string{"shopctl"}, Options{})
	id := uuid.MustParse(someID)
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
		"stands still":     {model.JobView{Status: model.Processing, StartedAt: at(0), ProgressedAt: at(0), HeartbeatAt: at(10 * time.Minute)}, "has not got further for 10m: the step may hang"},
		"has just started": {model.JobView{Status: model.Processing, StartedAt: at(time.Hour), ProgressedAt: at(0), HeartbeatAt: at(time.Hour)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.job.ID = id
			got := strings.Join(inv.hints(&test.job, "what to do", false), "\n")
			if test.want == "" {
				assert.Empty(t, got)
			}
			assert.Contains(t, got, test.want)
		})
	}
}

func TestAStepTellsHowManyJobsItWaitsFor(t *testing.T) {
	t.Parallel()
	for jobs, want := range map[int]string{1: "waits for its job", 2: "waits for its 2 jobs"} {
		assert.Equal(t, want, (&session{}).stepWait(model.StepView{Children: make([]uuid.UUID, jobs)}))
	}
}
