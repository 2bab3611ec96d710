package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// Match is the result of matching a plan with the records of earlier runs.
type Match struct {
	// Records holds one record for each step, in the plan's order. A step without a
	// record has one that is pending.
	Records []model.StepRecord
	// Removed holds the records of steps that the definition declares as removed.
	Removed []model.StepRecord

	plan *Plan
	// forecast says what a run does with each step, and with records of no step.
	forecast   []model.ForecastStep
	mismatches []error
	// tooMany is why the plan cannot run whatever the records are.
	tooMany error
}

// Err returns an [ErrDrift] that names every mismatch, or nil if there is none. With a
// mismatch nothing may run, and the job's records must not be changed.
func (m *Match) Err() error {
	if m.tooMany != nil {
		return m.tooMany
	}
	if len(m.mismatches) == 0 {
		return nil
	}
	return fmt.Errorf("%w, nothing was run: %w", ErrDrift, errors.Join(m.mismatches...))
}

func (m *Match) addForecast(step string, action model.Action, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	m.forecast = append(m.forecast, model.ForecastStep{Step: step, Action: action, Why: why})
	if action == model.ActionUnknown {
		m.mismatches = append(m.mismatches, fmt.Errorf("step %q %s", step, why))
	}
}

// Match matches a job's records with the steps of the plan, by their names and older
// names. It changes neither the plan nor data.
func (p *Plan) Match(data model.Data, limits Limits) *Match {
	m := &Match{plan: p, Records: make([]model.StepRecord, len(p.Steps))}
	if len(p.Steps) > limits.Steps {
		m.tooMany = fmt.Errorf("the definition has %d steps, more than the bound of %d; nothing was run", len(p.Steps), limits.Steps)
	}
	if u := data.Undoing; u != nil && !u.Status.Ended() {
		m.mismatches = append(m.mismatches, fmt.Errorf("its steps are being undone before it is %q, which this version of the job system does not know", u.Status))
	}
	left := make(map[string]model.StepRecord, len(data.Steps))
	for _, record := range data.Steps {
		left[record.Name] = record
	}
	m.matchSteps(left, len(data.Steps) > 0)
	m.matchLeftovers(left, data.Steps)
	return m
}

// matchSteps finds the record of each step, and removes it from left. hadPlan says that
// the job had a plan before.
func (m *Match) matchSteps(left map[string]model.StepRecord, hadPlan bool) {
	open, openGroup := "", (*Group)(nil) // the first step that is not done
	for i := range m.plan.Steps {
		step := &m.plan.Steps[i]
		record, was := step.takeRecord(left)
		m.Records[i] = record
		switch {
		case isOfNewerVersion(record):
			m.addForecast(step.Name, model.ActionUnknown, "is recorded in a status that this version of the job system does not know (%s): let the newer version, which wrote it, run the job", statusText(record))
		case !step.waitsLike(record):
			m.addForecast(step.Name, model.ActionUnknown, "is recorded as waiting for %s, but the definition's step of that name does not wait for such a thing: rerun from it, or let the changed step have another name", WaitsFor(record))
		case !record.Status.Done():
			// An undone step may precede a completed one that has no undo: that one
			// stays completed when the undone steps run again.
			if open == "" && !record.WasUndone() {
				open, openGroup = step.Name, step.Group
			}
			m.addForecast(step.Name, model.ActionRun, "%s", whyRun(record, was, hadPlan))
		case open != "" && (step.Group == nil || step.Group != openGroup):
			m.addForecast(step.Name, model.ActionUnknown, "is recorded as %s, but step %q before it is not done: rerun from there, or declare the older name of that step, or move it after the steps that are done", record.Status, open)
			m.mismatches = append(m.mismatches, step.unreadable(record)...)
		default:
			m.forecastDone(step, record, was)
		}
	}
}

// matchLeftovers handles the records that belong to no step of the plan.
func (m *Match) matchLeftovers(left map[string]model.StepRecord, records []model.StepRecord) {
	for _, record := range records {
		switch _, ok := left[record.Name]; {
		case !ok || record.Status == model.StepPending:
		case slices.Contains(m.plan.Removed, record.Name):
			m.Removed = append(m.Removed, record)
			m.addForecast(record.Name, model.ActionSkip, "was removed from the definition; its record is kept as history")
		default:
			m.addForecast(record.Name, model.ActionUnknown, "is recorded as %s, but the definition has no step of that name", record.Status)
		}
	}
}

// forecastDone forecasts a step that is done: it is skipped if its output can be read.
func (m *Match) forecastDone(step *Step, record model.StepRecord, was string) {
	if unreadable := step.unreadable(record); len(unreadable) > 0 {
		m.forecast = append(m.forecast, model.ForecastStep{Step: step.Name, Action: model.ActionUnknown, Why: unreadable[0].Error()})
		m.mismatches = append(m.mismatches, unreadable...)
		return
	}
	m.addForecast(step.Name, model.ActionSkip, "%s", recordedAs(record, was))
}

// takeRecord removes the step's record from left, under its name or an older one. It
// returns the record as the plan has it, pending if there was none, and the name under
// which it was found, empty if there was none.
func (s *Step) takeRecord(left map[string]model.StepRecord) (record model.StepRecord, was string) {
	record.Status = model.StepPending
	for _, name := range s.Names() {
		if known, ok := left[name]; ok {
			record, was = known, name
			delete(left, name)
			if name != s.Name && record.Attempts > 0 {
				record.BegunAs = cmp.Or(record.BegunAs, name)
			}
			break
		}
	}
	record.Name, record.Weight, record.Group, record.OnCrash = s.Name, s.Weight, "", ""
	if s.Group != nil {
		record.Group = s.Group.Name
	}
	if s.StopOnCrash {
		record.OnCrash = model.OnCrashStop
	}
	return record, was
}

// unreadable returns why a completed step's output can no longer be read; nil if it can.
func (s *Step) unreadable(record model.StepRecord) []error {
	if record.Status != model.StepCompleted {
		return nil
	}
	if _, err := s.Read(record.Output, record.Version); err != nil {
		return []error{fmt.Errorf("step %q: its recorded output %w", s.Name, err)}
	}
	return nil
}

// isOfNewerVersion reports whether a record has a status that only a newer version of this
// module knows.
func isOfNewerVersion(record model.StepRecord) bool {
	return !record.Status.Known() || record.Undo != nil && !record.Undo.Status.Known()
}

// statusText returns the status of a step, and that of its undo if it has one.
func statusText(record model.StepRecord) string {
	if record.Undo == nil {
		return string(record.Status)
	}
	return fmt.Sprintf("%s, and its undo %s", record.Status, record.Undo.Status)
}

// whyRun returns why a step runs. was is the name under which its record was found, empty
// if it has none.
func whyRun(record model.StepRecord, was string, hadPlan bool) string {
	switch {
	case was == "" && hadPlan:
		return "is new in the definition"
	case record.Status == model.StepPending && record.Attempts > 0:
		return "runs again"
	case record.Status == model.StepPending:
		return "has not run yet"
	default:
		return recordedAs(record, was)
	}
}

// recordedAs describes a record that was found under the name was.
func recordedAs(record model.StepRecord, was string) string {
	text := "is recorded as " + string(record.Status)
	if was != record.Name {
		text += fmt.Sprintf(", under its older name %q", was)
	}
	return text
}
