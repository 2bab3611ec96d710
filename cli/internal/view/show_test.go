package view

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
)

func TestTheTimeThatIsLeftSaysHowItWasEstimated(t *testing.T) {
	t.Parallel()
	for by, want := range map[string]string{
		"":         "10s, about 1m left",
		"history":  "10s, about 1m left, as its last jobs took",
		"observed": "10s, about 1m left, at this run's speed",
		"reported": "10s, about 1m left, as its step says",
		"newer":    "10s, about 1m left",
	} {
		assert.Equal(t, want, elapsed(&model.JobView{Elapsed: "10s", Remaining: "1m", RemainingSource: by}))
	}
}
