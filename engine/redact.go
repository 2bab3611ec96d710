package engine

import (
	"encoding/json"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// Redacted returns a client that hides secrets: whatever it returns of jobs, also in errors,
// has gone through [Config.Redact]. It writes the same as c.
func (c *Client) Redacted() *Client {
	view := *c
	view.redact = c.engine.config.Redact
	return &view
}

// shown returns a row as this client may return it.
func (c *Client) shown(row *store.Row) *store.Row {
	if c.redact == nil {
		return row
	}
	out := *row
	out.Job = *c.shownJob(&row.Job)
	return &out
}

// shownJob returns a job as this client may return it.
func (c *Client) shownJob(j *model.Job) *model.Job { return c.redact.Of(j).Job }

// redactErr returns an error about a job as this client may return it.
func (c *Client) redactErr(j *model.Job, err error) error { return c.redact.Of(j).Error(err) }

// redactInputErr returns an error about an input as this client may return it.
func (c *Client) redactInputErr(input steps.Input, err error) error {
	if c.redact == nil {
		return err
	}
	raw, marshalErr := json.Marshal(input)
	if marshalErr != nil {
		raw = json.RawMessage("{") // it is not JSON: OfInput hides all of it
	}
	return c.redact.OfInput(input.JobType(), raw).Error(err)
}

// shownForecast returns a forecast as this client may return it.
func (c *Client) shownForecast(j *model.Job, list []model.ForecastStep) []model.ForecastStep {
	if c.redact == nil {
		return list
	}
	redaction := c.redact.Of(j)
	for i := range list {
		list[i].Why = redaction.Text(list[i].Why)
	}
	return list
}

// shownSignal returns a signal of a job as this client may return it.
func (c *Client) shownSignal(jobType string, signal *model.Signal) *model.Signal {
	if c.redact == nil {
		return signal
	}
	out := *signal
	out.Payload = c.redact.Value(model.Value{JobType: jobType, Part: model.PartSignal, Name: signal.Name, JSON: signal.Payload})
	return &out
}
