package plan

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Deadline returns t, or the nearest time that every database and JSON can store: from 1970
// to [model.MaxTime].
func Deadline(t time.Time) model.Time {
	switch last := model.MaxTime(); {
	case t.After(last.Time):
		return last
	case t.Before(time.Unix(0, 0)):
		return model.TimeOf(time.Unix(0, 0))
	default:
		return model.TimeOf(t)
	}
}

// AwaitedChildren returns the jobs that a step of a job waits for, nil if there is none.
func AwaitedChildren(data model.Data) []uuid.UUID {
	for _, r := range data.Steps {
		if r.Status == model.StepWaiting && len(r.Children) > 0 {
			return r.Children
		}
	}
	return nil
}

// WaitsFor returns what the waiting step of a record waits for, as a text for people.
func WaitsFor(record model.StepRecord) string {
	switch {
	case record.Awaits != "":
		return fmt.Sprintf("the signal %q", record.Awaits)
	case len(record.Children) == 1:
		return fmt.Sprintf("the job of step %q", record.Name)
	case len(record.Children) > 0:
		return fmt.Sprintf("the %d jobs of step %q", len(record.Children), record.Name)
	case record.Retrying():
		return fmt.Sprintf("the next attempt of step %q", record.Name)
	default:
		return fmt.Sprintf("step %q to end", record.Name)
	}
}

// waitsLike reports whether a record, if it waits, waits for what the step may wait for.
func (s *Step) waitsLike(record model.StepRecord) bool {
	switch {
	case record.Status != model.StepWaiting:
		return true
	case record.Retrying():
		return !s.Waits()
	case record.Awaits != "":
		return s.AwaitSignal
	case len(record.Children) > 0:
		return s.ChildJobs != nil
	default:
		return s.Sleep != nil
	}
}

// SignalFor returns the signal of the step's name or an older name; nil if none has
// arrived.
func (s *Step) SignalFor(signals model.Signals) *model.Signal {
	for _, name := range s.Names() {
		if signal := signals.Find(name); signal != nil {
			return signal
		}
	}
	return nil
}

// CheckPayload returns an error if a signal's payload cannot be the step's output.
func (s *Step) CheckPayload(signal *model.Signal) error {
	return Guard(func() error { return s.Accept(signal.Payload) })
}

// CheckSignal returns an error if no step of the plan has or had the signal's name, or the
// one that does cannot use the signal. It is for plans that have all steps of the job: see
// [Plan.Lacks].
func (p *Plan) CheckSignal(signal *model.Signal) error {
	i := p.Index(signal.Name)
	switch {
	case i < 0:
		return fmt.Errorf("it has no step %q that waits for a signal", signal.Name)
	case !p.Steps[i].AwaitSignal:
		return fmt.Errorf("step %q does not wait for a signal", p.Steps[i].Name)
	}
	if err := p.Steps[i].CheckPayload(signal); err != nil {
		return fmt.Errorf("the payload does not fit step %q: %w", p.Steps[i].Name, err)
	}
	return nil
}
