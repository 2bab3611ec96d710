package demosteps

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The bounds of an [Input].
const (
	MaxSteps       = 1000
	MaxStepMS      = 60 * 60 * 1000
	MaxOutputBytes = 1 << 20
)

// Input says what a demo job does. Absent keys have the defaults; unknown ones
// are refused, since they are most likely mistyped.
type Input struct {
	// Steps is the number of steps, 1 to [MaxSteps]. Default 5.
	Steps int `json:"steps,omitempty"`
	// StepMS is how many milliseconds each step takes, 0 to [MaxStepMS].
	// Default 200.
	StepMS *int `json:"step_ms,omitempty"`
	// OutputBytes is the size of the payload in each step's output, 0 to
	// [MaxOutputBytes]. Default 100. Engines refuse outputs of more than
	// 64 KiB unless told otherwise: more than that shows how.
	OutputBytes *int `json:"output_bytes,omitempty"`
	// FailAt is the step, counted from 1, that fails when its time is over.
	// Default 0: none.
	FailAt int `json:"fail_at,omitempty"`
	// FailTimes is how often that step fails: with 1, the job succeeds when it
	// is resumed. Default 0: always.
	FailTimes int `json:"fail_times,omitempty"`
	// PanicAt is the step, counted from 1, that panics when its time is over.
	// Default 0: none.
	PanicAt int `json:"panic_at,omitempty"`
}

// The defaults of an [Input].
const (
	defaultSteps       = 5
	defaultStepMS      = 200
	defaultOutputBytes = 100
)

// JobType returns the type of jobs that [Input] makes when it is enqueued as it
// is. For the other types of [Definitions], use engine.RawInput.
func (Input) JobType() string { return Type }

// UnmarshalJSON reads the input over the defaults. The JSON null is the
// defaults.
func (in *Input) UnmarshalJSON(raw []byte) error {
	type plain Input // without this method
	filled := plain{Steps: defaultSteps, StepMS: new(defaultStepMS), OutputBytes: new(defaultOutputBytes)}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&filled); err != nil {
		return err
	}
	*in = Input(filled)
	return nil
}

// Validate returns all that is wrong with the input, joined.
func (in Input) Validate() error {
	var errs []error
	for _, field := range []struct {
		key       string
		value     int
		low, high int
		zero      string // what 0 means where it is not in the range
	}{
		{"steps", in.Steps, 1, MaxSteps, ""},
		{"step_ms", in.stepMS(), 0, MaxStepMS, ""},
		{"output_bytes", in.outputBytes(), 0, MaxOutputBytes, ""},
		{"fail_at", in.FailAt, 0, max(0, in.Steps), " (0 for none)"},
		{"fail_times", in.FailTimes, 0, MaxSteps, " (0 for always)"},
		{"panic_at", in.PanicAt, 0, max(0, in.Steps), " (0 for none)"},
	} {
		if field.value < field.low || field.value > field.high {
			errs = append(errs, fmt.Errorf("%s is %d: want %d to %d%s", field.key, field.value, field.low, field.high, field.zero))
		}
	}
	if in.FailTimes != 0 && in.FailAt == 0 {
		errs = append(errs, errors.New("fail_times is set and fail_at is not: say which step fails"))
	}
	if in.FailAt != 0 && in.FailAt == in.PanicAt {
		errs = append(errs, fmt.Errorf("fail_at and panic_at are both %d: a step can do only one of the two", in.FailAt))
	}
	return errors.Join(errs...)
}

func (in Input) stepMS() int      { return valueOr(in.StepMS, defaultStepMS) }
func (in Input) outputBytes() int { return valueOr(in.OutputBytes, defaultOutputBytes) }

func (in Input) stepTime() time.Duration { return time.Duration(in.stepMS()) * time.Millisecond }

func valueOr(value *int, otherwise int) int {
	if value == nil {
		return otherwise
	}
	return *value
}
