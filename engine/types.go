package engine

import (
	"maps"
	"slices"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/engine/internal/worker"
	"github.com/ntxdev/jobsystem/model"
)

// summarize joins the counts of jobs with the registered types.
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

// definitions are what is registered, by type.
func (e *Engine) definitions() map[string]worker.Handler {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.handlers)
}
