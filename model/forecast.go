package model

// ForecastStep is what a resume would do with one step.
type ForecastStep struct {
	Step   string `json:"step"`
	Action Action `json:"action"`
	Why    string `json:"why"`
}

// Action is what a resume does with a step.
type Action string

// The values of Does.
const (
	ActionSkip    Action = "skip"    // it is done
	ActionUndo    Action = "undo"    // it is done, and is undone before the job ends
	ActionRun     Action = "run"     // it runs, or runs again
	ActionUnknown Action = "unknown" // its record does not fit the definition: the resume would be refused
)
