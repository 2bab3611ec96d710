package progress

import (
	"maps"
	"time"
)

// SetHistory replaces the typical durations given with [History], for callers
// that learn them while the work runs already.
func (t *Tracker) SetHistory(typical map[string]time.Duration) {
	typical = maps.Clone(typical)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.history = typical
}
