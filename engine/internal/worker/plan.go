package worker

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// laid is the records of earlier runs, laid over a plan.
type laid struct {
	// records has one for each planned step, in the plan's order.
	records []model.StepRecord
	// removed are records of steps that the definition has no more, as it
	// says itself.
	removed []model.StepRecord
	// forecast is what a run does with each step, and with records that are
	// of none.
	forecast []model.ForecastStep
	misfits  []error
}

// ErrDrift says that a record is of another definition than there is now.
var ErrDrift = errors.New("the recorded steps do not fit the definition")

// err names every misfit: then nothing may run, and the records stay.
func (l *laid) err() error {
	if len(l.misfits) == 0 {
		return nil
	}
	return fmt.Errorf("%w, nothing was run: %w", ErrDrift, errors.Join(l.misfits...))
}

func (l *laid) say(step string, does model.Action, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	l.forecast = append(l.forecast, model.ForecastStep{Step: step, Action: does, Why: why})
	if does == model.ActionUnknown {
		l.misfits = append(l.misfits, fmt.Errorf("step %q %s", step, why))
	}
}

// lay lays a job's records of earlier runs over the plan.
func lay(plan *steps.Plan, data model.Data, limits Limits) *laid {
	old := data.Steps
	l := &laid{records: make([]model.StepRecord, len(plan.Steps))}
	if len(plan.Steps) > limits.Steps {
		l.misfits = append(l.misfits, fmt.Errorf("the plan has %d steps, more than the bound of %d", len(plan.Steps), limits.Steps))
	}
	if u := data.Undoing; u != nil && !u.Status.Ended() {
		l.misfits = append(l.misfits, fmt.Errorf("its steps are being undone before it is %q, which this version of the job system does not know", u.Status))
	}
	left := make(map[string]model.StepRecord, len(old))
	for _, record := range old {
		left[record.Name] = record
	}
	open, openGroup := "", (*steps.GroupSettings)(nil) // the first step that is not done
	for i := range plan.Steps {
		planned := &plan.Steps[i]
		record, was := take(left, planned)
		l.records[i] = record
		switch {
		case newer(record):
			l.say(planned.Name, model.ActionUnknown, "is recorded in a status that this version of the job system does not know (%s): let the newer version, which wrote it, run the job", state(record))
		case !record.Status.Done():
			// Steps are undone from the end on, past those that cannot be: these
			// stay completed, and do so when the others run again.
			if open == "" && !record.WasUndone() {
				open, openGroup = planned.Name, planned.Group
			}
			l.say(planned.Name, model.ActionRun, "%s", whyRun(record, was, len(old) > 0))
		case open != "" && (planned.Group == nil || planned.Group != openGroup):
			l.say(planned.Name, model.ActionUnknown, "is recorded as %s, but step %q before it is not done: resume from there, or declare what it was named before, or put it behind those that are done", record.Status, open)
			l.misfits = append(l.misfits, unreadable(planned, record)...)
		default:
			l.sayDone(planned, record, was)
		}
	}
	for _, record := range old {
		switch _, ok := left[record.Name]; {
		case !ok || record.Status == model.StepPending:
		case slices.Contains(plan.Removed, record.Name):
			l.removed = append(l.removed, record)
			l.say(record.Name, model.ActionSkip, "was removed from the definition; its record is kept as history")
		default:
			l.say(record.Name, model.ActionUnknown, "is recorded as %s, but the definition has no step of that name", record.Status)
		}
	}
	return l
}

// newer reports whether a record is in a status of a newer version: what that
// means for the step cannot be told here.
func newer(record model.StepRecord) bool {
	return !record.Status.Known() || record.Undo != nil && !record.Undo.Status.Known()
}

// state says in which status a step is, and its undoing.
func state(record model.StepRecord) string {
	if record.Undo == nil {
		return string(record.Status)
	}
	return fmt.Sprintf("%s, and its undoing %s", record.Status, record.Undo.Status)
}

// take takes the step's record out of those that are left, under its name or an
// older one, and returns that name, empty if there is none.
func take(left map[string]model.StepRecord, planned *steps.PlannedStep) (record model.StepRecord, was string) {
	record.Status = model.StepPending
	for _, name := range append([]string{planned.Name}, planned.Was...) {
		if known, ok := left[name]; ok {
			record, was = known, name
			delete(left, name)
			if name != planned.Name && record.Attempts > 0 {
				record.BegunAs = cmp.Or(record.BegunAs, name)
			}
			break
		}
	}
	record.Name, record.Weight, record.Group, record.OnCrash = planned.Name, planned.Weight, "", ""
	if planned.Group != nil {
		record.Group = planned.Group.Name
	}
	if planned.StopOnCrash {
		record.OnCrash = model.OnCrashStop
	}
	return record, was
}

// adoptCheckpoints gives renamed steps the checkpoints of their old names, and drops
// those of steps that are gone. It reports whether there were any such.
func adoptCheckpoints(plan *steps.Plan, old model.Checkpoints) (checkpoints model.Checkpoints, changed bool) {
	checkpoints = make(model.Checkpoints, len(old))
	for _, planned := range plan.Steps {
		for _, name := range append([]string{planned.Name}, planned.Was...) {
			if value, ok := old[name]; ok {
				checkpoints[planned.Name], changed = value, changed || name != planned.Name
				break
			}
		}
	}
	return checkpoints, changed || len(checkpoints) != len(old)
}

// whyRun tells why a step runs whose record was found under that name, if any;
// planned says that the job has had a plan before.
func whyRun(record model.StepRecord, was string, planned bool) string {
	switch {
	case was == "" && planned:
		return "is new in the definition"
	case record.Status == model.StepPending && record.Attempts > 0:
		return "runs again"
	case record.Status == model.StepPending:
		return "has not run yet"
	default:
		return recordedAs(record, was)
	}
}

func recordedAs(record model.StepRecord, was string) string {
	text := "is recorded as " + string(record.Status)
	if was != record.Name {
		text += fmt.Sprintf(", under its older name %q", was)
	}
	return text
}

func (l *laid) sayDone(planned *steps.PlannedStep, record model.StepRecord, was string) {
	if misfits := unreadable(planned, record); len(misfits) > 0 {
		l.forecast = append(l.forecast, model.ForecastStep{Step: planned.Name, Action: model.ActionUnknown, Why: misfits[0].Error()})
		l.misfits = append(l.misfits, misfits...)
		return
	}
	l.say(planned.Name, model.ActionSkip, "%s", recordedAs(record, was))
}

// unreadable reports why a completed step's output cannot be read any more.
func unreadable(planned *steps.PlannedStep, record model.StepRecord) []error {
	if record.Status != model.StepCompleted {
		return nil
	}
	if _, err := planned.Read(record.Output, record.Version); err != nil {
		return []error{fmt.Errorf("step %q: its recorded output %w", planned.Name, err)}
	}
	return nil
}

// MakePlan makes the plan of a job with this input. The host's code may panic.
func MakePlan(h Handler, input json.RawMessage) (*steps.Plan, error) {
	var plan *steps.Plan
	err := guard(func() (err error) {
		plan, err = h.Plan(input)
		return err
	})
	return plan, err
}

// Forecast returns what a run of a job with these records would do, and why it
// would refuse to.
func Forecast(plan *steps.Plan, data model.Data, limits Limits) ([]model.ForecastStep, error) {
	l := lay(plan, data, limits)
	if data.Undoing != nil && l.err() == nil {
		return l.undoing(plan, data.Undoing.Status), nil
	}
	return l.forecast, l.err()
}

// undoing is the forecast of a job of which steps are being undone: nothing else
// is done before it ends.
func (l *laid) undoing(plan *steps.Plan, end model.Status) []model.ForecastStep {
	forecast := make([]model.ForecastStep, len(l.records))
	for i, record := range l.records {
		f := model.ForecastStep{Step: record.Name, Action: model.ActionSkip, Why: fmt.Sprintf("is recorded as %s, and the job only undoes its steps before it is %s", record.Status, end)}
		if undoable(plan, l.records, i) {
			f.Action, f.Why = model.ActionUndo, "is recorded as completed, and is undone before the job is "+string(end)
		}
		forecast[i] = f
	}
	return forecast
}

// undoable reports whether a step has done what it can take back.
func undoable(plan *steps.Plan, records []model.StepRecord, i int) bool {
	return records[i].Status == model.StepCompleted && plan.Steps[i].Undo != nil
}

// Share is the part of a job's work, by its steps' weights, that is recorded as
// done.
func Share(records []model.StepRecord) float64 {
	sum, done := 0.0, 0.0
	for _, record := range records {
		sum += record.Weight
		if record.Status.Done() {
			done += record.Weight
		}
	}
	if sum == 0 {
		return 0
	}
	return done / sum
}
