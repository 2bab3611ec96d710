package engine

import (
	"maps"
	"slices"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// summarize returns the registered types and those with jobs, with the counts of their jobs,
// sorted by name.
func (e *Engine) summarize(counts []store.TypeCount) []TypeSummary {
	byType := make(map[string]TypeSummary)
	e.mu.Lock()
	for t := range e.handlers {
		byType[t] = TypeSummary{Type: t, Registered: true, Jobs: map[model.Status]int{}}
	}
	e.mu.Unlock()
	for _, c := range counts {
		if _, ok := byType[c.Type]; !ok {
			byType[c.Type] = TypeSummary{Type: c.Type, Jobs: map[model.Status]int{}}
		}
		byType[c.Type].Jobs[c.Status] = c.Jobs
	}
	out := make([]TypeSummary, 0, len(byType))
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		out = append(out, byType[t])
	}
	return out
}

// interrupt changes a job whose engine is dead: see [plan.Interrupt].
func (e *Engine) interrupt(j *model.Job) error {
	if h := e.Registered(j.Type); h != nil {
		return plan.Interrupt(j, h)
	}
	return plan.Interrupt(j, nil)
}
