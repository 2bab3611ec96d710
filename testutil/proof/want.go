package proof

import (
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Want is how a job must end, however often it was interrupted.
type Want struct {
	Status model.Status
	Error  string // contained in the job's
	Result json.RawMessage
	Steps  []WantStep
	// Effects is the number of its rows in proof_effects.
	Effects int
}

// WantStep is the record of a step at the end of its job.
type WantStep struct {
	Name   string
	Status model.StepStatus
	Output json.RawMessage
	// Waits says that the engine itself does the step: it is in no ledger.
	Waits bool
	// InTx says that the step has its effect with its record.
	InTx bool
	// Undone says that the record changes after it was completed.
	Undone bool
}

// Want returns how a job of this kind ends, with the input n.
func (k Kind) Want(n int) Want {
	completed := func(name string, output int) WantStep {
		return WantStep{Name: name, Status: model.StepCompleted, Output: number(output)}
	}
	effect := completed("effect", n)
	effect.InTx = true
	w := Want{Status: model.Succeeded, Result: number(n + 101), Steps: []WantStep{completed("first", n+1)}}
	switch k {
	case Each:
		w.Steps = append(w.Steps, completed("items", Items))
	case InTx:
		w.Steps = append(w.Steps, effect)
	case Parallel:
		w.Steps = append(w.Steps, completed("left", n+10), completed("right", n+20), effect)
	case Retry:
		w.Steps = append(w.Steps, completed("flaky", n))
	case Sleep:
		w.Steps = append(w.Steps, WantStep{Name: "nap", Status: model.StepCompleted, Waits: true})
	case Undo:
		w.Steps[0].Status, w.Steps[0].Undone = model.StepUndone, true
		w.Steps = append(w.Steps, effect)
	default:
		w.Steps = append(w.Steps, completed("second", n+2))
	}
	last := completed("last", n+101)
	if k == Undo {
		last = WantStep{Name: "last", Status: model.StepFailed}
		w.Status, w.Result, w.Error = model.Failed, nil, errAsked.Error()
	}
	w.Steps = append(w.Steps, last)
	for _, step := range w.Steps {
		if step.InTx {
			w.Effects = 1
		}
	}
	return w
}

func number(n int) json.RawMessage { return fmt.Append(nil, n) }
