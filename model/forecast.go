package model

// ForecastStep describes what a resume would do with one step, and why.
type ForecastStep struct {
	Step   string `json:"step"`
	Action Action `json:"action"`
	Why    string `json:"why"`
}

// Action is what a resume does with a step.
type Action string

// The values of [Action].
const (
	ActionSkip    Action = "skip"    // the step is done and does not run again
	ActionUndo    Action = "undo"    // the step is done, and is undone before the job ends
	ActionRun     Action = "run"     // the step runs, for the first time or again
	ActionUnknown Action = "unknown" // its record does not fit the definition, so nothing would run
)
