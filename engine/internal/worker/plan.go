package worker

import (
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

// err names every misfit: then nothing may run, and the records stay.
func (l *laid) err() error {
	if len(l.misfits) == 0 {
		return nil
	}
	return fmt.Errorf("the recorded steps do not fit the definition, nothing was run: %w", errors.Join(l.misfits...))
}

func (l *laid) say(step string, does model.Does, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	l.forecast = append(l.forecast, model.ForecastStep{Step: step, Does: does, Why: why})
	if does == model.DoesUnknown {
		l.misfits = append(l.misfits, fmt.Errorf("step %q %s", step, why))
	}
}

// lay lays the records of earlier runs over the plan.
func lay(plan *steps.Plan, old []model.StepRecord, limits Limits) *laid {
	l := &laid{records: make([]model.StepRecord, len(plan.Steps))}
	if len(plan.Steps) > limits.Steps {
		l.misfits = append(l.misfits, fmt.Errorf("the plan has %d steps, more than the bound of %d", len(plan.Steps), limits.Steps))
	}
	left := make(map[string]model.StepRecord, len(old))
	for _, record := range old {
		left[record.Name] = record
	}
	open, openGroup := "", (*steps.GroupSettings)(nil) // the first step that is not done
	for i := range plan.Steps {
		planned := &plan.Steps[i]
		record := take(left, planned)
		l.records[i] = record
		switch {
		case !record.Status.Done():
			// Steps are undone from the end on, past those that cannot be: these
			// stay completed, and do so when the others run again.
			if open == "" && !record.WasUndone() {
				open, openGroup = planned.Name, planned.Group
			}
			l.say(planned.Name, model.DoesRun, "%s", whyRun(record))
		case open != "" && (planned.Group == nil || planned.Group != openGroup):
			l.say(planned.Name, model.DoesUnknown, "is recorded as %s, but step %q before it is not done", record.Status, open)
			l.misfits = append(l.misfits, unreadable(planned, record)...)
		default:
			l.sayDone(planned, record)
		}
	}
	for _, record := range old {
		switch _, ok := left[record.Name]; {
		case !ok || record.Status == model.StepPending:
		case slices.Contains(plan.Removed, record.Name):
			l.removed = append(l.removed, record)
			l.say(record.Name, model.DoesSkip, "was removed from the definition; its record is kept as history")
		default:
			l.say(record.Name, model.DoesUnknown, "is recorded as %s, but the definition has no step of that name", record.Status)
		}
	}
	return l
}

// take takes the step's record out of those that are left, under its name or an
// older one.
func take(left map[string]model.StepRecord, planned *steps.PlannedStep) model.StepRecord {
	record := model.StepRecord{Status: model.StepPending}
	for _, name := range append([]string{planned.Name}, planned.Was...) {
		if known, ok := left[name]; ok {
			record = known
			delete(left, name)
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
	return record
}

func whyRun(record model.StepRecord) string {
	if record.Status == model.StepPending {
		return "has not run yet"
	}
	return "is recorded as " + string(record.Status)
}

func (l *laid) sayDone(planned *steps.PlannedStep, record model.StepRecord) {
	if misfits := unreadable(planned, record); len(misfits) > 0 {
		l.forecast = append(l.forecast, model.ForecastStep{Step: planned.Name, Does: model.DoesUnknown, Why: misfits[0].Error()})
		l.misfits = append(l.misfits, misfits...)
		return
	}
	l.say(planned.Name, model.DoesSkip, "is recorded as %s", record.Status)
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
	l := lay(plan, data.Steps, limits)
	if data.Undoing != nil && l.err() == nil {
		return forecastUndoing(plan, l.records, data.Undoing), nil
	}
	return l.forecast, l.err()
}

// forecastUndoing is Forecast for a job that goes on with undoing its steps.
func forecastUndoing(plan *steps.Plan, records []model.StepRecord, undoing *model.Undoing) []model.ForecastStep {
	out := make([]model.ForecastStep, len(records))
	for i, record := range records {
		out[i] = model.ForecastStep{Step: record.Name, Does: model.DoesSkip, Why: "is recorded as " + string(record.Status) + ", and the job's steps are being undone"}
		if record.Status == model.StepCompleted && plan.Steps[i].Undo != nil {
			out[i].Does, out[i].Why = model.DoesUndo, fmt.Sprintf("is undone before the job ends as %s", undoing.Status)
		}
	}
	return out
}
