package execution

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// performGroup runs the members of a group that are not done: the steps from from up to but
// not including to. It returns how the run ends, nil if it continues.
func (r *run) performGroup(from, to int) *ending {
	settings := r.plan.Steps[from].Group
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	limit := settings.MaxParallel
	if limit == 0 {
		limit = to - from
	}
	places := make(chan struct{}, limit)
	var members sync.WaitGroup
	var mu sync.Mutex
	var ends []ending
	for i := from; i < to; i++ {
		if r.record(i).Status.Done() {
			continue
		}
		if !r.acquirePlace(ctx, places) {
			break
		}
		members.Go(func() {
			defer func() { <-places }()
			e := r.performMember(ctx, i)
			if e == nil {
				return
			}
			mu.Lock()
			ends = append(ends, *e)
			mu.Unlock()
			// When a member is handed over, the others may still reach their boundary.
			if e.status == model.Failed && !settings.LetFinish {
				cancel(plan.ErrGroupFailed)
			}
		})
	}
	members.Wait()
	return r.groupEnding(ends, from, to)
}

// acquirePlace waits until fewer than MaxParallel members run, and reports whether another
// one may begin.
func (r *run) acquirePlace(ctx context.Context, places chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case places <- struct{}{}:
	}
	return ctx.Err() == nil && r.interruption() == nil && !r.decided()
}

func (r *run) performMember(ctx context.Context, i int) *ending {
	output, e := r.attempt(ctx, i, false)
	if e != nil || r.record(i).Status.Done() {
		return e
	}
	if err := r.write(func() { r.complete(i, output) }); err != nil {
		e := r.afterError(r.plan.Steps[i].Name, err)
		return &e
	}
	return nil
}

// groupEnding returns how the run ends, given how some of its members ended it; nil if all
// members are done. A cancel has priority over a failure, and a failure over a wait. Of
// several failures the first counts, and of several waits the one that is over first.
func (r *run) groupEnding(ends []ending, from, to int) *ending {
	slices.SortStableFunc(ends, func(a, b ending) int { return a.wake.at.Compare(b.wake.at.Time) })
	for _, status := range []model.Status{model.Cancelled, model.Failed, model.Scheduled} {
		for i := range ends {
			if ends[i].status == status {
				return &ends[i]
			}
		}
	}
	switch {
	case r.stageDone(from, to):
		return nil
	case r.decided():
		return &ending{status: model.Succeeded}
	}
	err := r.interruption()
	if err == nil {
		err = errors.New("the group's members did not all run")
	}
	e := r.afterError("", err)
	return &e
}

// stageDone reports whether the steps from from up to but not including to are done.
func (r *run) stageDone(from, to int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.ContainsFunc(r.data.Steps[from:to], func(record model.StepRecord) bool { return !record.Status.Done() })
}
