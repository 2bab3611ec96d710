package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// Match is a plan together with the records that earlier runs have left.
type Match struct {
	// Records has one for each planned step, in the plan's order.
	Records []model.StepRecord
	// Removed are records of steps that the definition no longer has, and says so.
	Removed []model.StepRecord

	plan *Plan
	// forecast is what a run does with each step, and with records of no step.
	forecast   []model.ForecastStep
	mismatches []error
	// tooMany is why the plan cannot run whatever the records are.
	tooMany error
}

// Err is an [ErrDrift] that names every mismatch, nil if there is none. With a
// mismatch nothing may run, and the records stay as they are.
func (m *Match) Err() error {
	if m.tooMany != nil {
		return m.tooMany
	}
	if len(m.mismatches) == 0 {
		return nil
	}
	return fmt.Errorf("%w, nothing was run: %w", ErrDrift, errors.Join(m.mismatches...))
}

func (m *Match) add(step string, action model.Action, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	m.forecast = append(m.forecast, model.ForecastStep{Step: step, Action: action, Why: why})
	if action == model.ActionUnknown {
		m.mismatches = append(m.mismatches, fmt.Errorf("step %q %s", step, why))
	}
}

// Match matches a job's records with the plan. It changes neither.
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
	m.matchRest(left, data.Steps)
	return m
}

// matchSteps finds the record of each planned step, and takes it out of left. planned
// says that the job has had a plan before.
func (m *Match) matchSteps(left map[string]model.StepRecord, planned bool) {
	open, openGroup := "", (*Group)(nil) // the first step that is not done
	for i := range m.plan.Steps {
		step := &m.plan.Steps[i]
		record, was := step.takeRecord(left)
		m.Records[i] = record
		switch {
		case ofNewerVersion(record):
			m.add(step.Name, model.ActionUnknown, "is recorded in a status that this version of the job system does not know (%s): let the newer version, which wrote it, run the job", statusText(record))
		case !record.Status.Done():
			// Steps are undone from the end on, past those that cannot be: these
			// stay completed, and do so when the others run again.
			if open == "" && !record.WasUndone() {
				open, openGroup = step.Name, step.Group
			}
			m.add(step.Name, model.ActionRun, "%s", whyRun(record, was, planned))
		case open != "" && (step.Group == nil || step.Group != openGroup):
			m.add(step.Name, model.ActionUnknown, "is recorded as %s, but step %q before it is not done: resume from there, or declare what it was named before, or put it behind those that are done", record.Status, open)
			m.mismatches = append(m.mismatches, step.unreadable(record)...)
		default:
			m.addDone(step, record, was)
		}
	}
}

// matchRest accounts for the records that no planned step has taken.
func (m *Match) matchRest(left map[string]model.StepRecord, records []model.StepRecord) {
	for _, record := range records {
		switch _, ok := left[record.Name]; {
		case !ok || record.Status == model.StepPending:
		case slices.Contains(m.plan.Removed, record.Name):
			m.Removed = append(m.Removed, record)
			m.add(record.Name, model.ActionSkip, "was removed from the definition; its record is kept as history")
		default:
			m.add(record.Name, model.ActionUnknown, "is recorded as %s, but the definition has no step of that name", record.Status)
		}
	}
}

func (m *Match) addDone(step *Step, record model.StepRecord, was string) {
	if unreadable := step.unreadable(record); len(unreadable) > 0 {
		m.forecast = append(m.forecast, model.ForecastStep{Step: step.Name, Action: model.ActionUnknown, Why: unreadable[0].Error()})
		m.mismatches = append(m.mismatches, unreadable...)
		return
	}
	m.add(step.Name, model.ActionSkip, "%s", recordedAs(record, was))
}

// takeRecord takes the step's record out of left, under its name or an older one, and
// returns that name too, empty if there is none.
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

// unreadable reports why a completed step's output cannot be read any more.
func (s *Step) unreadable(record model.StepRecord) []error {
	if record.Status != model.StepCompleted {
		return nil
	}
	if _, err := s.Read(record.Output, record.Version); err != nil {
		return []error{fmt.Errorf("step %q: its recorded output %w", s.Name, err)}
	}
	return nil
}

// ofNewerVersion reports whether a record is in a status of a newer version: what
// that means for the step cannot be told here.
func ofNewerVersion(record model.StepRecord) bool {
	return !record.Status.Known() || record.Undo != nil && !record.Undo.Status.Known()
}

// statusText says in which status a step is, and its undoing.
func statusText(record model.StepRecord) string {
	if record.Undo == nil {
		return string(record.Status)
	}
	return fmt.Sprintf("%s, and its undoing %s", record.Status, record.Undo.Status)
}

// whyRun says why a step runs whose record was found under the name was, empty if
// there is none.
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
