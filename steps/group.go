package steps

import (
	"slices"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Group is steps of a definition that run at the same time, each with its own
// record and weight. Make one with [Parallel], and add its members to it with
// [Add], [Do] and [InTx].
type Group[In any] struct {
	definition *Definition[In]
	settings   *plan.Group
}

// GroupOption is an option of [Parallel].
type GroupOption func(*plan.Group)

// MaxParallel bounds how many members of the group run at the same time.
func MaxParallel(n int) GroupOption { return func(s *plan.Group) { s.MaxParallel = n } }

// LetFinish has the other members run to their end when one has failed, before
// the job fails. Otherwise their contexts end with [ErrGroupFailed].
func LetFinish() GroupOption { return func(s *plan.Group) { s.LetFinish = true } }

// Parallel begins a group: the steps added to it run at the same time, when the
// definition's steps before it are done, and those after it begin when all its
// members are. The group ends with the first step that is added to the
// definition itself; to add to it after that is a mistake, as is a member that
// waits ([Sleep], [AwaitSignal], [ChildJobs]). The name is for people, and unique among
// the definition's groups; the members' names are unique among all its steps.
//
// Each member has its own record, weight, checkpoints and options: those that
// have completed are not run again when the job is resumed. A member reads only
// outputs of steps before the group. Between the attempts of a member's [Retry]
// the job stays processing, however long the delay is. Members that are [InTx]
// run beside others, and one at a time among themselves; while one does, the
// records of the others wait for it.
func Parallel[In any](d *Definition[In], name string, opts ...GroupOption) *Group[In] {
	s := &plan.Group{Name: name}
	for _, opt := range opts {
		opt(s)
	}
	if err := model.CheckName(name); err != nil {
		d.mistake("group %q: its name %w", name, err)
	}
	if s.MaxParallel < 0 {
		d.mistake("group %q: its limit of %d is negative", name, s.MaxParallel)
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
