package view

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// SentSignal is a signal as JSON. It holds no [model.Signal], which would write
// itself in place of the whole.
type SentSignal struct {
	JobID    uuid.UUID       `json:"job_id"`
	Name     string          `json:"name"`
	Payload  json.RawMessage `json:"payload,omitempty"`
	SentBy   string          `json:"sent_by,omitempty"`
	SentAt   model.Time      `json:"sent_at"`
	Existing bool            `json:"existing"`
}

// SignalExists says that a job had a signal of that name before.
func SignalExists(p *Printer, id uuid.UUID, sent *model.Signal) string {
	return fmt.Sprintf("job %s has the signal %q already%s: that one counts\n", id, Clean(sent.Name), p.sentBy(sent.SentBy, sent.SentAt))
}

// SignalSent says that a job has a signal now, and what becomes of it.
func SignalSent(j *model.JobView, sent *model.Signal) string {
	return fmt.Sprintf("job %s has the signal %q%s\n", j.ID, Clean(sent.Name), purposeOf(j, sent.Name))
}

// purposeOf says what becomes of a signal that a job has just got.
func purposeOf(j *model.JobView, name string) string {
	if waited, ok := awaited(j); ok && waited == name {
		return ": it continues"
	}
	for _, step := range j.Steps {
		if step.Name == name {
			return ", for its step of that name"
		}
	}
	if len(j.Steps) == 0 {
		return ", for a step of that name"
	}
	return ", but has no step of that name so far: " + ResumePoint(j.CurrentStep) + " is where it is"
}

// sentBy says who sent a signal, and when.
func (p *Printer) sentBy(by string, at model.Time) string {
	text := ", sent "
	if by != "" {
		text += "by " + Clean(by) + " "
	}
	return text + p.at(at)
}

// unused describes a signal that no step has used yet.
func (p *Printer) unused(j *model.JobView, signal model.SignalView) string {
	purpose := "kept for a step that waits for it"
	if waited, _ := awaited(j); signal.Name == waited {
		purpose = "a worker continues with it"
	}
	return fmt.Sprintf("%q%s: %s", signal.Name, p.sentBy(signal.SentBy, signal.SentAt), purpose)
}
