package testutil

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// Moment is a point in the run of a job at which a [Harness] does something to it. Make one
// with [BeforeStep], [AtProgress], [AtCheckpoint], [BeforeRecord] or [AfterStep]. A moment
// comes once in a run: the first time.
type Moment struct {
	place place
	step  string
	count int // which call, if there are several

	// checkpoint is the value of a checkpoint, and want the condition for it.
	checkpoint *json.RawMessage
	want       *func(json.RawMessage) bool
}

// place is the place of a moment in a step.
type place int

const (
	atBegin place = iota
	atProgress
	atCheckpoint
	atCheckpointWhen
	atReturn
	atRecord
)

// BeforeStep is the moment when the step has begun and its function is about to be called.
func BeforeStep(step string) Moment { return Moment{place: atBegin, step: step, count: 1} }

// AtProgress is the moment of the n-th call of Run.Progress, counted from 1, that the
// step's function makes in this run: in the middle of its work.
func AtProgress(step string, n int) Moment { return Moment{place: atProgress, step: step, count: n} }

// AtCheckpoint is the moment when the n-th checkpoint, counted from 1, that the step makes
// in this run is in the database. That call of Run.Checkpoint then returns an error, like
// the last one of a run that is stopped.
func AtCheckpoint(step string, n int) Moment {
	return Moment{place: atCheckpoint, step: step, count: n}
}

// AtCheckpointWhen is [AtCheckpoint] for the first checkpoint for whose value reached
// returns true. A value that does not decode into a Value does not count.
func AtCheckpointWhen[Value any](step string, reached func(value Value) bool) Moment {
	want := func(raw json.RawMessage) bool {
		var value Value
		return json.Unmarshal(raw, &value) == nil && reached(value)
	}
	return Moment{place: atCheckpointWhen, step: step, count: 1, want: &want}
}

// checkpointAt is the moment of a checkpoint with that value.
func checkpointAt(step string, checkpoint json.RawMessage) Moment {
	return Moment{place: atCheckpointWhen, step: step, count: 1, checkpoint: &checkpoint}
}

// is reports whether now is the moment that is waited for.
func (m Moment) is(now Moment) bool {
	if m.place != atCheckpointWhen {
		return m == now
	}
	return now.place == atCheckpointWhen && now.step == m.step && (*m.want)(*now.checkpoint)
}

// BeforeRecord is the moment when the step's function has returned without an error, and
// nothing of that is recorded: the effects have happened, and a step that is killed now
// runs again. A step of [steps.InTx] is in the middle of its transaction then, and what it
// has written is not committed: that moment needs a database with more than one connection,
// see [OnDB]. Steps that sleep or await a signal have no such moment.
func BeforeRecord(step string) Moment { return Moment{place: atReturn, step: step, count: 1} }

// AfterStep is the moment when the step's record is in the database, and the next step has
// not done anything. For a member of a group it is when all members have theirs. There is
// no such moment after the last step: its record and the end of the job are one write.
func AfterStep(step string) Moment { return Moment{place: atRecord, step: step, count: 1} }

// String describes the moment, as words that follow "waiting for".
func (m Moment) String() string {
	switch m.place {
	case atBegin:
		return fmt.Sprintf("the begin of step %q", m.step)
	case atProgress:
		return fmt.Sprintf("progress call %d of step %q", m.count, m.step)
	case atCheckpoint:
		return fmt.Sprintf("checkpoint %d of step %q", m.count, m.step)
	case atCheckpointWhen:
		return fmt.Sprintf("the checkpoint of step %q that the test waits for", m.step)
	case atReturn:
		return fmt.Sprintf("the return of step %q", m.step)
	default:
		return fmt.Sprintf("the record of step %q", m.step)
	}
}

// check returns an error if the moment can never come in a run of this plan.
func (m Moment) check(plan *plan.Plan, connections int) error {
	i, err := planned(plan, m.step)
	last := len(plan.Steps) - 1
	switch {
	case err != nil:
		return err
	case m.place == atRecord && (i == last || plan.Steps[i].Group != nil && plan.Steps[i].Group == plan.Steps[last].Group):
		return fmt.Errorf("nothing comes between the record of step %q and the end of the job, because it is the last step: "+
			"they are one write. Use BeforeRecord(%q), or let the job end", m.step, m.step)
	case connections == 1 && m.place == atReturn && plan.Steps[i].Tx != nil:
		return fmt.Errorf("%s is in the middle of a transaction, and the database has one connection: the harness cannot read the job then. "+
			"Give it one with more, see OnDB", m)
	case m.place == atReturn && !calls(&plan.Steps[i]):
		return fmt.Errorf("step %q waits: nothing comes before its record. Use BeforeStep(%q)", m.step, m.step)
	case m.count < 1:
		return fmt.Errorf("%s: calls are counted from 1", m)
	default:
		return nil
	}
}

// planned returns the index of a step in a plan, or an error if there is none.
func planned(plan *plan.Plan, step string) (int, error) {
	names := make([]string, len(plan.Steps))
	for i, planned := range plan.Steps {
		names[i] = planned.Name
	}
	i := slices.Index(names, step)
	if i < 0 {
		return i, fmt.Errorf("there is no step %q: the steps for this input are %q", step, names)
	}
	return i, nil
}

// calls reports whether a step calls a function of the host, and does not only wait.
func calls(step *plan.Step) bool {
	return step.Run != nil || step.Tx != nil || step.ChildJobs != nil
}
