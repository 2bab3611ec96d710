package demosteps

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The upper bounds of an [Input].
const (
	MaxSteps       = 1000
	MaxStepMS      = 60 * 60 * 1000
	MaxOutputBytes = 1 << 20
)

// Input is the input of a demo job. Absent keys have their defaults. An unknown
// key is an error, because it is most likely a typing mistake.
type Input struct {
	// Steps is the number of steps, 1 to [MaxSteps]. Default 5.
	Steps int `json:"steps,omitempty"`
	// StepMS is the duration of each step in milliseconds, 0 to [MaxStepMS].
	// Default 200.
	StepMS *int `json:"step_ms,omitempty"`
	// OutputBytes is the size of the payload in each step's output, 0 to
	// [MaxOutputBytes]. Default 100. By default an engine fails a step whose output
	// is larger than 64 KiB, which a larger value demonstrates.
	OutputBytes *int `json:"output_bytes,omitempty"`
	// FailAt is the number of the step, from 1, that fails at its end. Default 0:
	// none.
	FailAt int `json:"fail_at,omitempty"`
	// FailTimes is how many times that step fails: with 1, the job succeeds when it
	// is resumed. Default 0: every time.
	FailTimes int `json:"fail_times,omitempty"`
	// PanicAt is the number of the step, from 1, that panics at its end. Default 0:
	// none.
	PanicAt int `json:"panic_at,omitempty"`
}

// The defaults of an [Input].
const (
	defaultSteps       = 5
	defaultStepMS      = 200
	defaultOutputBytes = 100
)

// JobType returns [Type]. To enqueue a job of another type of [Definitions], use
// engine.RawInput.
func (Input) JobType() string { return Type }

// UnmarshalJSON decodes the input; absent keys get their defaults. The JSON null
// means all defaults.
func (in *Input) UnmarshalJSON(raw []byte) error {
	type plain Input // without this method
	decoded := plain{Steps: defaultSteps, StepMS: new(defaultStepMS), OutputBytes: new(defaultOutputBytes)}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&decoded); err != nil {
		return err
	}
	*in = Input(decoded)
	return nil
}

// Validate returns an error that joins all mistakes in the input.
func (in Input) Validate() error {
	var errs []error
	for _, field := range []struct {
		key       string
		value     int
		low, high int
		zero      string // what 0 means, if that is not obvious
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
		errs = append(errs, errors.New("fail_times is set but fail_at is not: set fail_at to the step that fails"))
	}
	if in.FailAt != 0 && in.FailAt == in.PanicAt {
		errs = append(errs, fmt.Errorf("fail_at and panic_at are both %d: a step can either fail or panic", in.FailAt))
	}
	return errors.Join(errs...)
}

func (in Input) stepMS() int      { return valueOr(in.StepMS, defaultStepMS) }
func (in Input) outputBytes() int { return valueOr(in.OutputBytes, defaultOutputBytes) }

func (in Input) stepTime() time.Duration { return time.Duration(in.stepMS()) * time.Millisecond }

func valueOr(value *int, fallback int) int {
	if value == nil {
		return fallback
	}
	return *value
}
