package plan

import (
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// Medians returns the median duration of each step, by its name, in the documents of ended
// jobs. A skipped step counts as 0; a step that neither completed nor was skipped does not
// count.
func Medians(documents []model.Data) map[string]time.Duration {
	all := make(map[string][]int64)
	for _, d := range documents {
		for _, record := range d.Steps {
			switch record.Status {
			case model.StepCompleted:
				all[record.Name] = append(all[record.Name], record.DurationMS)
			case model.StepSkipped:
				all[record.Name] = append(all[record.Name], 0)
			}
		}
	}
	out := make(map[string]time.Duration, len(all))
	for name, durations := range all {
		slices.Sort(durations)
		out[name] = time.Duration(durations[len(durations)/2]) * time.Millisecond
	}
	return out
}
