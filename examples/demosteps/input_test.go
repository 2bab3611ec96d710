package demosteps_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/examples/demosteps"
)

func TestAbsentKeysHaveTheirDefaults(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{}`, `null`, `{"steps":5}`} {
		var in demosteps.Input
		require.NoError(t, json.Unmarshal([]byte(text), &in), text)
		assert.Equal(t, demosteps.Input{Steps: 5, StepMS: new(200), OutputBytes: new(100)}, in, text)
		assert.NoError(t, in.Validate(), text)
	}
}

func TestAZeroIsNotReplacedByTheDefault(t *testing.T) {
	t.Parallel()
	var in demosteps.Input
	require.NoError(t, json.Unmarshal([]byte(`{"steps":0,"step_ms":0,"output_bytes":0}`), &in))
	assert.Equal(t, demosteps.Input{StepMS: new(0), OutputBytes: new(0)}, in)
	assert.EqualError(t, in.Validate(), "steps is 0: want 1 to 1000")
}

func TestInputIsTheSameAfterJSON(t *testing.T) {
	t.Parallel()
	in := demosteps.Input{Steps: 2, StepMS: new(0), OutputBytes: new(7), FailAt: 2, FailTimes: 1, PanicAt: 1}
	raw, err := json.Marshal(in)
	require.NoError(t, err)
	var decoded demosteps.Input
	require.NoError(t, json.Unmarshal(raw, &decoded))
	assert.Equal(t, in, decoded)
}

func TestAnUnknownKeyIsAnError(t *testing.T) {
	t.Parallel()
	var in demosteps.Input
	assert.ErrorContains(t, json.Unmarshal([]byte(`{"step":3}`), &in), `"step"`)
}

func TestValidateReturnsAllMistakesJoined(t *testing.T) {
	t.Parallel()
	in := demosteps.Input{Steps: 1001, StepMS: new(-1), OutputBytes: new(1<<20 + 1), FailAt: 1002, FailTimes: -1, PanicAt: -3}
	assert.EqualError(t, in.Validate(), `steps is 1001: want 1 to 1000
step_ms is -1: want 0 to 3600000
output_bytes is 1048577: want 0 to 1048576
fail_at is 1002: want 0 to 1001 (0 for none)
fail_times is -1: want 0 to 1000 (0 for always)
panic_at is -3: want 0 to 1001 (0 for none)`)
	in = demosteps.Input{Steps: 3, FailTimes: 1}
	assert.ErrorContains(t, in.Validate(), "fail_at is not")
	in = demosteps.Input{Steps: 3, FailAt: 2, PanicAt: 2}
	assert.ErrorContains(t, in.Validate(), "both 2")
}
