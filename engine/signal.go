package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Signal tells a job what its step of that name waits for (see [steps.AwaitSignal]),
// with a payload that is kept as JSON, or nil, and records who sent it. A signal
// that comes before the step is kept for it. The first one of a name stands: a
// second one changes nothing, and the first is returned, with Existing set.
//
// If the job has ended or is deleted, Signal returns a [StatusError]. If the job's type is
// registered here, it returns an [ErrInvalid] for a name that no step has or had, for a step
// that waits for no signal, and for a payload that does not fit the step - unless a newer
// version of the definition has worked on the job, which may have other steps. It returns
// an [ErrInvalid] as well if the job has [Limits.Signals] that no step has used yet.
//
// A signal that was used stays in the job's row, so that it is not used twice. A resume from
// that step or an earlier one removes it, so that the step waits for another one. So does a
// resume after a payload that did not fit the step's type.
func (c *Client) Signal(ctx context.Context, id uuid.UUID, name string, payload any, by string) (*model.Signal, error) {
	signal, err := c.newSignal(name, payload, by)
	if err != nil {
		return nil, fmt.Errorf("signal job %s: %w", id, err)
	}
	before, err := c.row(ctx, "signal", id)
	if err != nil {
		return nil, err
	}
	// This calls the host's code, which may use the database: so it comes before the
	// row is locked. The job's input, with which the code is called, never changes.
	mismatch := c.signalMismatch(&before.Job, signal)
	jobType, sentTo := "", ""
	found, err := c.engine.store.Signal(ctx, c.db, id, func(row *store.Row) error {
		sentTo = row.Type
		if row.Status.Ended() || !row.DeletedAt.IsZero() {
			return &StatusError{ID: id, Status: row.Status, Op: "signal", Hint: "it waits for nothing more"}
		}
		signals, err := model.ParseSignals(row.Signals)
		if err != nil {
			return err
		}
		if first := signals.Find(name); first != nil {
			*signal = *first
			signal.Existing = true
			return store.ErrUnchanged
		}
		if mismatch != nil {
			return mismatch
		}
		signal.SentAt = row.Now
		if row.Signals, err = c.addSignal(&row.Job, signals, *signal); err != nil {
			return err
		}
		if awaitsSignal(row) {
			row.ScheduledAt, jobType = row.Now, row.Type
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrStatus):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("signal job %s: %w", id, err)
	case !found:
		return nil, notFound("signal", id)
	case jobType != "":
		if err := c.wakeEngines(ctx, jobType); err != nil {
			return nil, fmt.Errorf("signal job %s: %w", id, err)
		}
	}
	return c.shownSignal(sentTo, signal), nil
}

// addSignal returns the signals of a job with another one, or why there is no room for
// that.
func (c *Client) addSignal(j *model.Job, signals model.Signals, signal model.Signal) (json.RawMessage, error) {
	var records []model.StepRecord
	if data, err := model.ParseData(j.Data); err == nil { // one that cannot be read has used none
		records = data.Steps
	}
	limits := c.engine.config.Limits
	if n := len(signals.Unused(records)); n >= limits.Signals {
		return nil, invalid("it has %d signals that no step has used, and may have no more", n)
	}
	raw, err := json.Marshal(append(signals, signal))
	if err == nil && len(raw) > limits.Data { // the payloads that were used are the steps' outputs
		raw, err = json.Marshal(append(signals.ForgetUsed(records), signal))
	}
	if err == nil && len(raw) > limits.Data {
		err = invalid("with it the job's signals would have %d bytes, more than the bound of %d", len(raw), limits.Data)
	}
	return raw, err
}

func (c *Client) newSignal(name string, payload any, by string) (*model.Signal, error) {
	if err := model.CheckName(name); err != nil {
		return nil, invalid("the signal's name %w", err)
	}
	if err := checkText(by, maxName); err != nil {
		return nil, invalid("the name of the sender %w", err)
	}
	raw, err := encode(payload)
	if err != nil {
		return nil, invalid("payload: %w", err)
	}
	kept, err := plan.KeepJSON(raw, c.engine.config.Limits.Output)
	if err != nil {
		return nil, invalid("payload %w", err)
	}
	if err := checkReadsBack(payload, raw); err != nil {
		return nil, invalid("payload %w", err)
	}
	return &model.Signal{Name: name, Payload: kept, SentBy: by}, nil
}

// signalMismatch returns an error if the job's definition cannot use a signal. It returns
// nil if that is not known here, or if the job has the plan of another version of the
// definition.
func (c *Client) signalMismatch(j *model.Job, signal *model.Signal) error {
	known, err := c.engine.newResume(j, nil)
	if err != nil || known.Plan == nil { // the job's run will fail with this error
		return nil //nolint:nilerr // see above
	}
	data, err := model.ParseData(j.Data)
	if err != nil || known.Plan.Lacks(data) != "" {
		return nil //nolint:nilerr // see above
	}
	if err := known.Plan.CheckSignal(signal); err != nil {
		sent := *j
		if raw, err := json.Marshal(model.Signals{*signal}); err == nil {
			sent.Signals = raw
		}
		return c.redactErr(&sent, invalid("%w", err))
	}
	return nil
}

// awaitsSignal reports whether a job waits for a signal now, of whatever name: the step may
// have been renamed since it began to wait, and the job's run knows its name.
func awaitsSignal(row *store.Row) bool {
	if row.Status != model.Scheduled {
		return false
	}
	data, err := model.ParseData(row.Data)
	if err != nil {
		return false
	}
	for _, record := range data.Steps {
		if record.Status == model.StepWaiting && record.Awaits != "" {
			return true
		}
	}
	return false
}
