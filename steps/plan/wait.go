package plan

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Deadline is a time that every database and JSON can hold: t, or the nearest one.
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

// WaitedChildren are the jobs that a job's step waits for, nil if none does.
func WaitedChildren(data model.Data) []uuid.UUID {
	for _, r := range data.Steps {
		if r.Status == model.StepWaiting && len(r.Children) > 0 {
			return r.Children
		}
	}
	return nil
}

// WaitsFor says for people what the step of a record that waits is waiting for.
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

// SignalFor is the signal of the step's name, or an older one; nil if none has come.
func (s *Step) SignalFor(signals model.Signals) *model.Signal {
	for _, name := range s.Names() {
		if signal := signals.Find(name); signal != nil {
			return signal
		}
	}
	return nil
}

// CheckPayload reports why a signal's payload cannot be the step's output.
func (s *Step) CheckPayload(signal *model.Signal) error {
	return Guard(func() error { return s.Accept(signal.Payload) })
}

// CheckSignal reports why a signal cannot be of use to the plan: no step has its name,
// or had it, that step waits for no signal, or the payload does not fit.
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
