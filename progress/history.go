package progress

import (
	"maps"
	"time"
)

// SetHistory replaces the typical durations set with [History], for callers that
// learn them after the work has started. The map is copied.
func (t *Tracker) SetHistory(typical map[string]time.Duration) {
	typical = maps.Clone(typical)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.history = typical
}
