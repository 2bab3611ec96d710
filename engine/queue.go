package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/execution"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// addQueue adds when a job is expected to start and to end that waits for its turn. It adds
// nothing to a job that waits for something else, and in a caller's transaction, whose
// connection may be the only one.
func (c *Client) addQueue(ctx context.Context, s *model.JobView, row *store.Row) error {
	if s.Status != model.Scheduled || s.WaitsFor != "" || s.ScheduledAt.IsZero() || !s.DeletedAt.IsZero() || c.inTx {
		return nil
	}
	if err := c.forecastQueue(ctx, s, row); err != nil {
		return fmt.Errorf("show job %s: %w", s.ID, err)
	}
	return nil
}

// forecastQueue goes by how many jobs are ahead of the job, and by how long the last jobs of
// its type took.
func (c *Client) forecastQueue(ctx context.Context, s *model.JobView, row *store.Row) error {
	ahead, err := c.engine.store.Ahead(ctx, c.db, &row.Job)
	if err != nil {
		return err
	}
	running, err := c.engine.store.Running(ctx, c.db, row.Type)
	if err != nil {
		return err
	}
	s.Ahead = ahead
	if running != nil {
		s.Ahead++
	}
	typical, err := c.engine.history.Of(ctx, row.Type)
	if err != nil {
		return err
	}
	one, ok := execution.Forecast(nil, pending(typical.Steps()), typical)
	own, known := c.forecast(row, typical)
	if !ok || !known {
		return nil
	}
	wait := time.Duration(ahead) * one
	if running != nil {
		wait += untilEnd(running, one)
	}
	start := row.Now.Add(wait)
	if start.Before(row.ScheduledAt.Time) {
		start = row.ScheduledAt.Time
	}
	s.ExpectedStart, s.ExpectedFinish = model.TimeOf(start), model.TimeOf(start.Add(own))
	return nil
}

// forecast returns how long a scheduled job takes once it runs.
func (c *Client) forecast(row *store.Row, typical execution.Typical) (time.Duration, bool) {
	data, err := model.ParseData(row.Data)
	if err != nil {
		return 0, false
	}
	if h := c.engine.Registered(row.Type); h != nil {
		if p, err := plan.Of(h, data.Input); err == nil {
			return execution.Forecast(p, p.Match(data, c.engine.config.Limits.ofPlan()).Records, typical)
		}
	}
	if len(data.Steps) == 0 {
		data.Steps = pending(typical.Steps())
	}
	return execution.Forecast(nil, data.Steps, typical)
}

// pending returns the records of steps as those of a job that has not begun.
func pending(records []model.StepRecord) []model.StepRecord {
	out := make([]model.StepRecord, len(records))
	for i, record := range records {
		out[i] = model.StepRecord{Name: record.Name, Weight: record.Weight, Group: record.Group, Status: model.StepPending, Output: json.RawMessage(nil)}
	}
	return out
}

// untilEnd returns how long a running job still takes: by its own estimate or, if it has none,
// as long as the others.
func untilEnd(running *store.Row, one time.Duration) time.Duration {
	if running.TimeToCompleteMS == nil || !running.LockedUntil.After(running.Now.Time) {
		return one
	}
	left, _ := remaining(running)
	return time.Duration(*left) * time.Millisecond
}
