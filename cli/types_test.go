package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

func TestTypesCountsJobsByStatus(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.enqueue(`{}`)
	f.ok("cancel", f.enqueue(`{}`))
	f.ok("enqueue", "other")

	var types []engine.TypeSummary
	require.NoError(t, json.Unmarshal([]byte(f.ok("-o", "json", "types")), &types))
	assert.Equal(t, []engine.TypeSummary{
		{Type: "other", Jobs: map[model.Status]int{model.Scheduled: 1}},
		{Type: orderType, Registered: true, Jobs: map[model.Status]int{model.Scheduled: 1, model.Cancelled: 1}},
	}, types)

	out := f.ok("types")
	assert.Regexp(t, `TYPE +REGISTERED +SCHEDULED +PROCESSING +SUCCEEDED +FAILED +CANCELLED`, out)
	assert.Regexp(t, `other +no +1 +0 +0 +0 +0`, out)
	assert.Regexp(t, `shop:order +yes +1 +0 +0 +0 +1`, out)
}

func TestTypesSaysSoIfThereAreNone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.Register = nil
	f.ok("migrate", "up")
	got := f.run("types")
	assert.Empty(t, got.stdout)
	assert.Contains(t, got.stderr, "no types")
}
