package model

import "time"

// The priorities of jobs, which rank the due jobs of a type: a greater one is claimed
// first. One step counts as much as [PriorityWorth] of waiting, so that a job of a low
// priority waits longer, and not for ever.
const (
	MinPriority = -2
	MaxPriority = 2
	// ImmediatePriority is that of a job which is claimed before all others of its
	// type, however long they have waited.
	ImmediatePriority = 100
)

// PriorityWorth is the time of waiting that a step of priority makes up for: of two due
// jobs of a type, the first one to be claimed is that with the earlier ScheduledAt minus
// Priority times this.
const PriorityWorth = time.Hour

// Priorities returns all priorities that a job can have, the greatest first.
func Priorities() []int {
	all := []int{ImmediatePriority}
	for p := MaxPriority; p >= MinPriority; p-- {
		all = append(all, p)
	}
	return all
}
