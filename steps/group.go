package steps

// Group is steps of a definition that run at the same time, each with its own
// record and weight. Make one with [Parallel], and add its members to it with
// [Add], [Do] and [InTx].
type Group[In any] struct {
	definition *Definition[In]
	settings   *GroupSettings
}

// GroupSettings are how a group's members run.
type GroupSettings struct {
	Name string
	// Limit is the most members that run at the same time; 0 is all.
	Limit int
	// LetFinish says that a failed member leaves the others running.
	LetFinish bool
}

// GroupOption is an option of [Parallel].
type GroupOption func(*GroupSettings)

// Limit bounds how many members of the group run at the same time.
func Limit(n int) GroupOption { return func(s *GroupSettings) { s.Limit = n } }

// LetFinish has the other members run to their end when one has failed, before
// the job fails. Otherwise their contexts end with [ErrGroupFailed].
func LetFinish() GroupOption { return func(s *GroupSettings) { s.LetFinish = true } }

// Parallel begins a group: the steps added to it run at the same time, when the
// definition's steps before it are done, and those after it begin when all its
// members are. A member reads only outputs of steps before the group. Its steps'
// names are unique within the definition like all others.
func Parallel[In any](d *Definition[In], name string, opts ...GroupOption) *Group[In] {
	s := &GroupSettings{Name: name}
	for _, opt := range opts {
		opt(s)
	}
	if err := CheckName(name); err != nil {
		d.mistake("group %q: its name %w", name, err)
	}
	if s.Limit < 0 {
		d.mistake("group %q: its limit of %d is negative", name, s.Limit)
	}
	for _, p := range d.steps {
		if p.group != nil && p.group.Name == name {
			d.mistake("group %q: its name is taken", name)
			break
		}
	}
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
