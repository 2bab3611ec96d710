package app

import (
	"context"
	"slices"

	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// LacksType reports whether this program, which has definitions, has none for a
// job that waits to run: it may be that no program has.
func (s *Session) LacksType(j *model.JobView) bool {
	return len(s.Types) > 0 && j.Status == model.Scheduled && j.DeletedAt.IsZero() && s.Engine.Registered(j.Type) == nil
}

// ResumeHint says what can be done about a job that has ended: see
// [view.ResumeHint]. It asks the engine only where the hint depends on that.
func (s *Session) ResumeHint(ctx context.Context, j *model.JobView) string {
	var next view.NextStep
	if j.Status.Resumable() && len(j.InDoubt) == 0 && !j.Undoing {
		next = s.NextStep(ctx, j)
	}
	return view.ResumeHint(s.Program(), j, next)
}

// NextStep returns the first step that runs when a job is resumed with these
// options. It is not known where this program does not have the job's type:
// without the definition there is only what is recorded.
func (s *Session) NextStep(ctx context.Context, j *model.JobView, opts ...engine.ResumeOption) view.NextStep {
	if s.Engine.Registered(j.Type) == nil {
		return view.NextStep{}
	}
	list, err := s.Jobs.DryRun(ctx, j.ID, opts...)
	if err != nil {
		known := ctx.Err() == nil && !isLost(err) && !IsAny(err, engine.ErrStatus, engine.ErrNotFound)
		return view.NextStep{Fails: known}
	}
	var runs []string
	for _, step := range list {
		if step.Action == model.ActionRun {
			runs = append(runs, step.Step)
		}
	}
	switch {
	case len(runs) == 0:
		return view.NextStep{None: true}
	case len(opts) == 0 && slices.Contains(runs, j.CurrentStep) && groupOf(j, runs[0]) != "" && groupOf(j, runs[0]) == groupOf(j, j.CurrentStep):
		return view.NextStep{Name: j.CurrentStep} // they run together, and this one says more
	default:
		return view.NextStep{Name: runs[0]}
	}
}

// groupOf returns the group of a recorded step, empty if it is in none.
func groupOf(j *model.JobView, step string) string {
	for _, view := range j.Steps {
		if view.Name == step {
			return view.Group
		}
	}
	return ""
}
