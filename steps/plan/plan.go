package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Plan is what a job does: its steps in order, and what holds for all of them.
type Plan struct {
	Steps []Step
	// Timeout bounds the time of all steps together; 0 for none.
	Timeout time.Duration
	// ResumeOnCrash is how often the job is resumed by itself after a crash.
	ResumeOnCrash int
	// UndoOn are the ends of a job after which its completed steps are undone.
	UndoOn []model.Status
	// Removed are names of steps that the definition had before.
	Removed []string
}

// Step is a step of a [Plan]. What it does is one of Run, Tx, Sleep, AwaitSignal and
// ChildJobs.
type Step struct {
	Name   string
	Was    []string // older names
	Weight float64
	// Group is the same pointer for neighbours that run at the same time, nil
	// for a step of its own.
	Group   *Group
	Version int
	Timeout time.Duration // 0 for none
	Retry   Retry
	// StopOnCrash and Verify say what becomes of an attempt that was cut short.
	StopOnCrash   bool
	AllowFailures bool

	// Run runs the step and returns its output, nil if it has none.
	Run func(context.Context, Session) (json.RawMessage, error)
	// Tx is Run within a transaction that the record is written in as well.
	Tx func(context.Context, bun.Tx, Session) (json.RawMessage, error)
	// Sleep returns how long to wait, or until when if that is not zero.
	Sleep func(Session) (time.Duration, time.Time, error)
	// AwaitSignal says that the step waits for the signal of its name, and Accept
	// reports why the payload of one cannot be its output.
	AwaitSignal bool
	Accept      func(payload json.RawMessage) error
	// ChildJobs returns the jobs to enqueue and wait for.
	ChildJobs func(context.Context, Session) ([]Child, error)

	// When reports whether the step is to run; WhenWhy is why not. Nil for
	// always.
	When    func(Session) bool
	WhenWhy string
	// Undo takes back what the step did; nil if it cannot.
	Undo func(context.Context, Session, json.RawMessage) error
	// Verify reports whether the effect of an attempt that was cut short
	// happened, and the output; nil to run the step again.
	Verify func(context.Context, Session) (json.RawMessage, bool, error)
	// Read turns an output that was recorded under some version into one that
	// the step's type can read, or says why it cannot.
	Read func(output json.RawMessage, version int) (json.RawMessage, error)
}

// Group is how the members of a group run.
type Group struct {
	Name string
	// MaxParallel is the most members that run at the same time; 0 is all.
	MaxParallel int
	// LetFinish says that a failed member leaves the others running.
	LetFinish bool
}

// Child is a job that a step enqueues and waits for.
type Child struct {
	Input interface{ JobType() string }
	Name  string // for people; the type by default
}

// Handler is a definition whose input type is erased.
type Handler interface {
	// ResumesOnCrash is how often a job is resumed by itself after a crash.
	ResumesOnCrash() int
	// Plan returns the steps for a job with this input, or why there is none.
	Plan(input json.RawMessage) (*Plan, error)
}

// Of makes the plan of a job with this input. The host's code may panic: that is the
// error then.
func Of(h Handler, input json.RawMessage) (*Plan, error) {
	var p *Plan
	err := Guard(func() (err error) {
		p, err = h.Plan(input)
		return err
	})
	return p, err
}

// Waits reports whether the step waits, and does nothing itself.
func (s *Step) Waits() bool { return s.Run == nil && s.Tx == nil }

// Names are the step's name and the older ones.
func (s *Step) Names() []string { return append([]string{s.Name}, s.Was...) }

// BeginCounts reports whether it decides about the job that a step has begun, so
// that the begin of an attempt is recorded before the step runs.
func (p *Plan) BeginCounts(i int) bool {
	step := &p.Steps[i]
	return step.StopOnCrash || step.Verify != nil || step.Retry.Attempts > 1 || p.ResumeOnCrash > 0
}

// Index is the index of the step that has or had that name, or -1.
func (p *Plan) Index(name string) int {
	return slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == name || slices.Contains(s.Was, name) })
}

// StageEnd is the index behind the steps that run together with step i.
func (p *Plan) StageEnd(i int) int {
	end := i + 1
	for group := p.Steps[i].Group; group != nil && end < len(p.Steps) && p.Steps[end].Group == group; {
		end++
	}
	return end
}

// Fingerprint is the same for plans with the same steps in the same order: their
// names, groups and versions.
func (p *Plan) Fingerprint() string {
	hash := sha256.New()
	for _, step := range p.Steps {
		group := ""
		if step.Group != nil {
			group = step.Group.Name
		}
		fmt.Fprintf(hash, "%q %q %d\n", step.Name, group, step.Version)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// IsNewest reports whether no newer version of the definition can have worked on a job:
// it went by this plan last, or by one whose steps this one begins with.
func (p *Plan) IsNewest(data model.Data) bool {
	if data.Plan == nil || data.Plan.Fingerprint == p.Fingerprint() {
		return true
	}
	if len(data.Steps) > len(p.Steps) {
		return false
	}
	for i, record := range data.Steps {
		if record.Name != p.Steps[i].Name {
			return false
		}
	}
	return true
}

// Record is what the job's row says about the plan, after what it has said before.
// changed reports whether the job went by another plan then.
func (p *Plan) Record(before *model.PlanRecord) (now *model.PlanRecord, changed bool) {
	now = &model.PlanRecord{}
	if before != nil {
		*now = *before
	}
	now.Fingerprint, now.ResumeOnCrash, now.UndoOnCancel = p.Fingerprint(), p.ResumeOnCrash, slices.Contains(p.UndoOn, model.Cancelled)
	// There is none yet if the process died before the first write.
	if before != nil && before.Fingerprint != now.Fingerprint && before.Fingerprint != "" {
		now.Earlier, changed = before.Fingerprint, true
	}
	return now, changed
}
