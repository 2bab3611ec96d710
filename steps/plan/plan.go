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

// Plan is what one job does: its steps in order, and the options of the whole job.
type Plan struct {
	Steps []Step
	// Timeout limits the time of all steps together; 0 for no limit.
	Timeout time.Duration
	// ResumeOnCrash is how many times the job is resumed automatically after a crash.
	ResumeOnCrash int
	// UndoOn are the ends of a job, failed or cancelled, that undo its completed steps.
	UndoOn []model.Status
	// LearnWeights says that the weights of the steps are how long they took in the last
	// jobs, rather than those of the steps.
	LearnWeights bool
	// Removed are the names of steps that the definition had before.
	Removed []string
}

// Step is a step of a [Plan]. Exactly one of Run, Tx, Sleep, AwaitSignal and ChildJobs is
// set, and says what the step does.
type Step struct {
	Name     string
	OldNames []string // older names
	Weight   float64
	// Size is how much the step has to do for this input, 0 if the definition does not
	// say so.
	Size float64
	// Group is the same pointer for neighbouring steps that run at the same time, nil
	// for a step outside of a group.
	Group   *Group
	Version int           // of the output
	Timeout time.Duration // of one attempt, 0 for no limit
	Retry   Retry
	// StopOnCrash says that a person must decide if the process died in the middle of
	// the step.
	StopOnCrash bool
	// AllowFailures says that a step with child jobs completes although some of them
	// did not succeed.
	AllowFailures bool

	// Run runs the step and returns its output, nil if it has none.
	Run func(context.Context, Session) (json.RawMessage, error)
	// Tx runs the step in a transaction in which the engine also writes its record.
	Tx func(context.Context, bun.Tx, Session) (json.RawMessage, error)
	// Sleep returns how long to wait, or until when if the time is not zero.
	Sleep func(Session) (time.Duration, time.Time, error)
	// AwaitSignal says that the step waits for the signal of its name. Accept returns
	// an error if a payload cannot be the step's output.
	AwaitSignal bool
	Accept      func(payload json.RawMessage) error
	// ChildJobs returns the jobs to enqueue and wait for.
	ChildJobs func(context.Context, Session) ([]Child, error)

	// When reports whether the step should run, nil for always; WhenWhy says why it is
	// skipped otherwise.
	When    func(Session) bool
	WhenWhy string
	// Undo undoes the step, given its output; nil if the step cannot be undone.
	Undo func(context.Context, Session, json.RawMessage) error
	// Verify returns the output and true if the effect of an attempt that was cut short
	// has happened, and false if the step must run again; nil to run it again always.
	Verify func(context.Context, Session) (json.RawMessage, bool, error)
	// Read returns an output, recorded under some version, in the form that the step
	// has now, or an error if that is not possible.
	Read func(output json.RawMessage, version int) (json.RawMessage, error)
}

// Group describes how the members of a group run.
type Group struct {
	Name string
	// MaxParallel is how many members run at the same time at most; 0 for all.
	MaxParallel int
	// LetFinish says that the other members run to their end when one has failed.
	LetFinish bool
}

// Child describes a job that a step enqueues and waits for.
type Child struct {
	Input interface{ JobType() string }
	Name  string // for people; the type by default
}

// Handler is a definition without its input type. A steps.Definition implements it.
type Handler interface {
	// ResumesOnCrash returns how many times a job is resumed automatically after a
	// crash.
	ResumesOnCrash() int
	// Plan returns the plan of a job with this input, or an error if there is none.
	Plan(input json.RawMessage) (*Plan, error)
}

// Of returns the plan of a job with this input. If the host's code panics, it returns a
// [PanicError].
func Of(h Handler, input json.RawMessage) (*Plan, error) {
	var p *Plan
	err := Guard(func() (err error) {
		p, err = h.Plan(input)
		return err
	})
	return p, err
}

// Waits reports whether the step only waits and runs no function of the host: it sleeps,
// or waits for a signal or for child jobs.
func (s *Step) Waits() bool { return s.Run == nil && s.Tx == nil }

// Names returns the step's name, followed by the older ones.
func (s *Step) Names() []string { return append([]string{s.Name}, s.OldNames...) }

// RecordsBegin reports whether the begin of each attempt of step i must be recorded before
// the step runs, because it decides how the job continues after a crash.
func (p *Plan) RecordsBegin(i int) bool {
	step := &p.Steps[i]
	return step.StopOnCrash || step.Verify != nil || step.Retry.Attempts > 1 || p.ResumeOnCrash > 0
}

// Index returns the index of the step that has or had that name, or -1.
func (p *Plan) Index(name string) int {
	return slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == name || slices.Contains(s.OldNames, name) })
}

// StageEnd returns the index after the last of the steps that run together with step i:
// i+1 for a step outside of a group.
func (p *Plan) StageEnd(i int) int {
	end := i + 1
	for group := p.Steps[i].Group; group != nil && end < len(p.Steps) && p.Steps[end].Group == group; {
		end++
	}
	return end
}

// Fingerprint returns a short hash of the steps' names, groups and versions in their
// order. It is the same for plans with the same steps, whatever their other options are.
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

// Lacks returns the name of a step of the job's last plan that this plan neither has, now or
// under an older name, nor declares as removed, or whose output is of a newer version; ""
// if there is none. With such a step, another version of the definition has worked on the
// job, and most likely a newer one.
func (p *Plan) Lacks(data model.Data) string {
	for _, record := range data.Steps {
		i := p.Index(record.Name)
		if i < 0 && !slices.Contains(p.Removed, record.Name) || i >= 0 && record.Version > p.Steps[i].Version {
			return record.Name
		}
	}
	return ""
}

// Record returns what the job's document says about this plan. before is what it says now,
// nil if it says nothing yet; changed reports that the job had another plan then.
func (p *Plan) Record(before *model.PlanRecord) (now *model.PlanRecord, changed bool) {
	now = &model.PlanRecord{}
	if before != nil {
		*now = *before
	}
	now.Fingerprint, now.ResumeOnCrash = p.Fingerprint(), p.ResumeOnCrash
	now.UndoOnCancel, now.UndoOnFailure = slices.Contains(p.UndoOn, model.Cancelled), slices.Contains(p.UndoOn, model.Failed)
	// The fingerprint is empty if the process died before the first write.
	if before != nil && before.Fingerprint != now.Fingerprint && before.Fingerprint != "" {
		now.Earlier, changed = before.Fingerprint, true
	}
	return now, changed
}
