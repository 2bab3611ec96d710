package model

// ForecastStep is what a resume would do with one step.
type ForecastStep struct {
	Step string `json:"step"`
	Does Does   `json:"does"`
	Why  string `json:"why"`
}

// Does is what a resume does with a step.
type Does string

// The values of Does.
const (
	DoesSkip    Does = "skip"    // it is done
	DoesUndo    Does = "undo"    // it is done, and is undone before the job ends
	DoesRun     Does = "run"     // it runs, or runs again
	DoesUnknown Does = "unknown" // its record does not fit the definition: the resume would be refused
)
