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
	DoesRun     Does = "run"     // it runs, or runs again
	DoesUndo    Does = "undo"    // it is undone: the job was at that when it ended
	DoesUnknown Does = "unknown" // its record does not fit the definition: the resume would be refused
)
