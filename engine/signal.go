package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// maxSignals is how many signals a job may have.
const maxSignals = 100

// Signal sends a job the signal for which its step of that name waits (see
// [steps.AwaitSignal]), with a payload that is stored as JSON, or nil, and records who sent
// it. A signal that arrives before its step begins is stored until then. Of several signals
// of one name only the first counts: a second one changes nothing, and the first is
// returned, with Existing set.
//
// If the job has ended or is deleted, Signal returns a [StatusError]. If the job's type is
// registered here, and the payload does not fit the step or the step does not wait for a
// signal, it returns an [ErrInvalid].
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
		if len(signals) >= maxSignals {
			return invalid("it has %d signals, and may have no more", len(signals))
		}
		if mismatch != nil {
			return mismatch
		}
		signal.SentAt = row.Now
		if row.Signals, err = json.Marshal(append(signals, *signal)); err != nil {
			return err
		}
		if len(row.Signals) > c.engine.config.Limits.Data {
			return invalid("with it the job's signals would have %d bytes, more than the bound of %d", len(row.Signals), c.engine.config.Limits.Data)
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
	if limit := c.engine.config.Limits.Output; len(raw) > limit {
		return nil, invalid("payload has %d bytes, more than the bound of %d: store it elsewhere and send its address", len(raw), limit)
	}
	if err := model.CheckJSON(raw); err != nil {
		return nil, invalid("payload %w", err)
	}
	return &model.Signal{Name: name, Payload: raw, SentBy: by}, nil
}

// signalMismatch returns an error if the job's definition cannot use a signal. It returns
// nil if that is not known here, or if the job has the plan of another version of the
// definition.
func (c *Client) signalMismatch(j *model.Job, signal *model.Signal) error {
	known, err := c.engine.newResume(j, nil)
	if err != nil || known.Plan == nil { // the job's run will fail with this error
		return nil //nolint:nilerr // see above
	}
	if data, err := model.ParseData(j.Data); err != nil || data.Plan != nil && data.Plan.Fingerprint != known.Plan.Fingerprint() {
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
