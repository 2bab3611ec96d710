package steps

import (
	"slices"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Group is a group of steps in a definition that run at the same time, each with its own
// record and weight. Make one with [Parallel], and add its members with [Add], [Do] and
// [InTx].
type Group[In any] struct {
	definition *Definition[In]
	settings   *plan.Group
}

// GroupOption is an option of [Parallel].
type GroupOption func(*plan.Group)

// MaxParallel limits how many members of the group run at the same time. The default, 0,
// is no limit.
func MaxParallel(n int) GroupOption { return func(s *plan.Group) { s.MaxParallel = n } }

// LetFinish lets the other members run to their end when one has failed, before the job
// fails. Without it, their contexts end with [ErrGroupFailed].
func LetFinish() GroupOption { return func(s *plan.Group) { s.LetFinish = true } }

// Parallel begins a group: its members run at the same time, after the definition's steps
// before the group, and the steps after the group begin when all members are done. The
// group ends when the next step is added to the definition itself. Adding a member after
// that is a mistake, as is a member that waits ([Sleep], [SleepUntil], [AwaitSignal],
// [ChildJobs]). The name is for people and must be unique among the definition's groups;
// the names of the members must be unique among all steps.
//
// Each member has its own record, weight, checkpoints and options; members that have
// completed do not run again when the job is resumed. A member can read only the outputs of
// steps before the group. Between the attempts of a member's [Retry] the job stays
// processing, however long the delay is. A member made with [InTx] runs at the same time as
// the others, but only one such member at a time, and the records of the other members wait
// until its transaction has ended.
func Parallel[In any](d *Definition[In], name string, opts ...GroupOption) *Group[In] {
	s := &plan.Group{Name: name}
	for _, opt := range opts {
		opt(s)
	}
	if err := model.CheckName(name); err != nil {
		d.mistake("group %q: its name %w", name, err)
	}
	if s.MaxParallel < 0 {
		d.mistake("group %q: MaxParallel(%d) is negative", name, s.MaxParallel)
	}
	if slices.Contains(d.groups, name) {
		d.mistake("group %q: its name is taken by another group", name)
	}
	d.groups = append(d.groups, name)
	return &Group[In]{definition: d, settings: s}
}

func (g *Group[In]) add(p planned[In]) {
	d := g.definition
	if n := len(d.steps); n > 0 && d.steps[n-1].group != g.settings {
		for _, other := range d.steps {
			if other.group == g.settings {
				d.mistake("step %q: group %q was ended by step %q", p.name, g.settings.Name, d.steps[n-1].name)
				break
			}
		}
	}
	p.group = g.settings
	d.add(p)
}

func (g *Group[In]) mistake(format string, args ...any) { g.definition.mistake(format, args...) }
