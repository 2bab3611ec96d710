package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// Job returns the row of a job, deleted or not, or [ErrNotFound].
func (c *Client) Job(ctx context.Context, id uuid.UUID) (*model.Job, error) {
	row, err := c.row(ctx, "read", id)
	if err != nil {
		return nil, err
	}
	return &c.shown(row).Job, nil
}

// Status returns the status of a job, deleted or not, with everything that a client of an
// API needs to show it, or [ErrNotFound].
func (c *Client) Status(ctx context.Context, id uuid.UUID) (*model.JobView, error) {
	s, row, err := c.view(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := c.addQueue(ctx, s, row); err != nil {
		return nil, err
	}
	return s, nil
}

// view returns the status of a job without what is ahead of it, and its row.
func (c *Client) view(ctx context.Context, id uuid.UUID) (*model.JobView, *store.Row, error) {
	row, err := c.row(ctx, "show", id)
	if err != nil {
		return nil, nil, err
	}
	s := status(c.shown(row))
	if err := c.addChildren(ctx, s); err != nil {
		return nil, nil, fmt.Errorf("show job %s: %w", id, err)
	}
	return s, row, nil
}

// addChildren adds the progress of the children that a job waits for: the progress in the
// job's row does not change while it waits.
func (c *Client) addChildren(ctx context.Context, s *model.JobView) error {
	waiting := 0.0
	var children []uuid.UUID
	for _, step := range s.Steps {
		if step.Status == model.StepWaiting && len(step.Children) > 0 {
			waiting, children = waiting+step.Weight, step.Children
		}
	}
	if waiting == 0 || s.Status != model.Scheduled {
		return nil
	}
	share, err := c.engine.store.Progress(ctx, c.db, children)
	if err != nil {
		return err
	}
	done, total := model.Weigh(s.Steps)
	s.Progress = max(s.Progress, min(1, (done+waiting*share)/total))
	s.Percent = percent(s.Progress)
	return nil
}

// row reads a job. op is the operation for errors.
func (c *Client) row(ctx context.Context, op string, id uuid.UUID) (*store.Row, error) {
	row, err := c.engine.store.Get(ctx, c.db, id)
	if err != nil {
		return nil, fmt.Errorf("%s job %s: %w", op, id, err)
	}
	if row == nil {
		return nil, notFound(op, id)
	}
	return row, nil
}

// RunningJob returns the processing job of a type, or [ErrNotFound].
func (c *Client) RunningJob(ctx context.Context, jobType string) (*model.Job, error) {
	if err := checkTypes(jobType); err != nil {
		return c.found(nil, err, "running", jobType)
	}
	row, err := c.engine.store.Running(ctx, c.db, jobType)
	return c.found(row, err, "running", jobType)
}

// LatestJob returns the newest job of a type that is not deleted, or [ErrNotFound].
func (c *Client) LatestJob(ctx context.Context, jobType string) (*model.Job, error) {
	if err := checkTypes(jobType); err != nil {
		return c.found(nil, err, "latest", jobType)
	}
	row, err := c.engine.store.Latest(ctx, c.db, jobType)
	return c.found(row, err, "latest", jobType)
}

// checkTypes returns an error for a text that cannot be the name of a type. Such a text must
// not be sent to the database.
func checkTypes(types ...string) error {
	for _, t := range types {
		if err := model.CheckName(t); err != nil {
			return invalid("job type %w", err)
		}
	}
	return nil
}

func (c *Client) found(row *store.Row, err error, which, jobType string) (*model.Job, error) {
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s job of type %q: %w", which, jobType, err)
	case row == nil:
		return nil, fmt.Errorf("%s job of type %q: %w", which, jobType, ErrNotFound)
	default:
		return &c.shown(row).Job, nil
	}
}

// Filter selects jobs for [Client.List]. The zero value selects all jobs that are not
// deleted.
type Filter struct {
	Types    []string       // empty for all
	Statuses []model.Status // empty for all
	// Deleted includes soft-deleted jobs.
	Deleted bool
	// Before selects the jobs that are older than this one, for the next page.
	Before uuid.UUID
	// Parent selects the children of this job.
	Parent uuid.UUID
	// Limit is how many jobs are returned at most; default 50.
	Limit int
}

// List returns the status of the jobs that f selects, the newest first.
func (c *Client) List(ctx context.Context, f Filter) ([]*model.JobView, error) {
	const page = 50
	if f.Limit <= 0 {
		f.Limit = page
	}
	if err := checkTypes(f.Types...); err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	rows, err := c.engine.store.List(ctx, c.db, store.Filter(f))
	if err != nil {
		return nil, err
	}
	out := make([]*model.JobView, len(rows))
	for i := range rows {
		out[i] = status(c.shown(&rows[i]))
	}
	return out, nil
}

// TypeSummary is a job type with the number of its jobs in each status.
type TypeSummary struct {
	Type string `json:"type"`
	// Registered says that this engine has a definition for the type.
	Registered bool                 `json:"registered"`
	Jobs       map[model.Status]int `json:"jobs"`
}

// Types returns the types that are registered here or have jobs, sorted by name.
func (c *Client) Types(ctx context.Context) ([]TypeSummary, error) {
	counts, err := c.engine.store.Types(ctx, c.db)
	if err != nil {
		return nil, err
	}
	return c.engine.summarize(counts), nil
}

// Wait waits until a job has ended, and returns its last status. If each is not nil, it is
// called with the status now and after each change. Only what each gets has what is ahead of a
// job that waits for its turn. Wait reads the job every 100 ms. When ctx ends, it returns the
// status so far and the cause.
func (c *Client) Wait(ctx context.Context, id uuid.UUID, each func(*model.JobView)) (*model.JobView, error) {
	const interval = 100 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var last string
	for {
		s, row, err := c.view(ctx, id)
		if err != nil {
			return nil, err
		}
		now := fingerprint(s)
		if each != nil && now != last {
			if err := c.addQueue(ctx, s, row); err != nil { // not at each look: it costs several queries
				return nil, err
			}
			each(s)
		}
		last = now
		switch {
		case s.Status.Ended():
			return s, nil
		case !s.DeletedAt.IsZero() && s.Status != model.Processing:
			return s, fmt.Errorf("wait for job %s: %w", id, ErrDeleted)
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// fingerprint returns a text that differs when a job has changed. UpdatedAt alone
// is not enough: two changes may share a time where that has milliseconds only,
// and neither the end of a lease nor the progress of a job's children changes its
// row.
func fingerprint(s *model.JobView) string {
	return fmt.Sprint(s.UpdatedAt, s.DeletedAt, s.Status, s.Progress, s.StepsCompleted, s.CurrentStep, s.Message, s.WaitsFor,
		s.Attempt, s.CancelRequested, s.Declared, s.LeaseExpired)
}
