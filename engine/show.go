package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/engine/internal/worker"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps"
)

// Job returns the row of a job, deleted or not, or [ErrNotFound].
func (c *Client) Job(ctx context.Context, id uuid.UUID) (*model.Job, error) {
	row, err := c.row(ctx, "read", id)
	if err != nil {
		return nil, err
	}
	return &c.shown(row).Job, nil
}

// Status returns all that an API's client needs to show a job, deleted or not,
// or [ErrNotFound].
func (c *Client) Status(ctx context.Context, id uuid.UUID) (*model.JobStatus, error) {
	row, err := c.row(ctx, "show", id)
	if err != nil {
		return nil, err
	}
	s := status(c.shown(row))
	if err := c.addChildren(ctx, s); err != nil {
		return nil, fmt.Errorf("show job %s: %w", id, err)
	}
	return s, nil
}

// addChildren counts the progress of the children that a job waits for: its own
// stands still meanwhile.
func (c *Client) addChildren(ctx context.Context, s *model.JobStatus) error {
	sum, done, waiting := 0.0, 0.0, 0.0
	var children []uuid.UUID
	for _, step := range s.Steps {
		sum += step.Weight
		switch {
		case step.Status.Done():
			done += step.Weight
		case step.Status == model.StepWaiting && len(step.Children) > 0:
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
	s.Progress = max(s.Progress, min(1, (done+waiting*share)/sum))
	s.Percent = percent(s.Progress)
	return nil
}

func (c *Client) row(ctx context.Context, doing string, id uuid.UUID) (*store.Row, error) {
	row, err := c.engine.store.Get(ctx, c.db, id)
	if err != nil {
		return nil, fmt.Errorf("%s job %s: %w", doing, id, err)
	}
	if row == nil {
		return nil, notFound(doing, id)
	}
	return row, nil
}

// RunningJob returns the job of a type that is processing, or [ErrNotFound].
func (c *Client) RunningJob(ctx context.Context, jobType string) (*model.Job, error) {
	if err := checkTypes(jobType); err != nil {
		return c.found(nil, err, "running", jobType)
	}
	row, err := c.engine.store.Running(ctx, c.db, jobType)
	return c.found(row, err, "running", jobType)
}

// LatestJob returns the job of a type that was made last and is not deleted, or
// [ErrNotFound].
func (c *Client) LatestJob(ctx context.Context, jobType string) (*model.Job, error) {
	if err := checkTypes(jobType); err != nil {
		return c.found(nil, err, "latest", jobType)
	}
	row, err := c.engine.store.Latest(ctx, c.db, jobType)
	return c.found(row, err, "latest", jobType)
}

// checkTypes fails on what is no name of a type, so that no statement asks for it.
func checkTypes(types ...string) error {
	for _, t := range types {
		if err := steps.CheckName(t); err != nil {
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

// Filter selects jobs for [Client.List]. Its zero value selects all that are
// not deleted.
type Filter struct {
	Types    []string
	Statuses []model.Status
	// Deleted includes soft-deleted jobs.
	Deleted bool
	// Before selects jobs that are older than this one, for the next page.
	Before uuid.UUID
	// Parent selects the children of this job.
	Parent uuid.UUID
	// Limit is the most jobs to return; default 50.
	Limit int
}

// List returns the status of jobs, the newest first.
func (c *Client) List(ctx context.Context, f Filter) ([]*model.JobStatus, error) {
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
	out := make([]*model.JobStatus, len(rows))
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

// Types returns the types that are registered or have jobs, by name.
func (c *Client) Types(ctx context.Context) ([]TypeSummary, error) {
	counts, err := c.engine.store.Types(ctx, c.db)
	if err != nil {
		return nil, err
	}
	return c.engine.summarize(counts), nil
}

// Wait watches a job until it has ended and returns its last status. It calls
// each, if not nil, with the status now and whenever that has changed. The
// database is asked every 100 ms.
func (c *Client) Wait(ctx context.Context, id uuid.UUID, each func(*model.JobStatus)) (*model.JobStatus, error) {
	const interval = 100 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var last string
	for {
		s, err := c.Status(ctx, id)
		if err != nil {
			return nil, err
		}
		// Two changes may share a time, where that has milliseconds only.
		now := fmt.Sprint(s.UpdatedAt, s.Status, s.Progress, s.Message, s.Attempt, s.CancelRequested)
		if each != nil && now != last {
			each(s)
		}
		last = now
		if s.Status.Ended() {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// status makes the answer for an API from a row.
func status(row *store.Row) *model.JobStatus {
	j := &row.Job
	s := &model.JobStatus{
		ID: j.ID, Type: j.Type, Name: j.Name, Role: j.Role, Email: j.Email, UploadedFileURL: j.UploadedFileURL,
		Status: j.Status, Progress: j.Progress, Percent: percent(j.Progress), Message: j.Message, Error: j.Error,
		CancelRequested: !j.CancelRequestedAt.IsZero(), CancelRequestedAt: j.CancelRequestedAt,
		CancelledBy: j.CancelledBy, CancelReason: j.CancelReason,
		Owner: row.Owner, LockedUntil: row.LockedUntil,
		Attempt: j.Attempt, Resumptions: j.Resumptions, Cursor: j.Cursor,
		ScheduledAt: j.ScheduledAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt,
		HeartbeatAt: j.HeartbeatAt, ProgressedAt: j.ProgressedAt,
		CreatedAt: j.CreatedAt, UpdatedAt: j.UpdatedAt, DeletedAt: j.DeletedAt,
		Steps: []model.StepView{}, ParentID: j.ParentID,
	}
	if !s.ScheduledAt.Before(model.Never().Time) {
		s.ScheduledAt = model.Time{}
	}
	if j.Status == model.Processing {
		s.LeaseExpired = !row.LockedUntil.After(row.Now.Time)
		s.RemainingMS = remaining(row)
	}
	if !j.StartedAt.IsZero() && j.Status != model.Scheduled {
		end := j.FinishedAt
		if end.IsZero() {
			end = row.Now
		}
		s.ElapsedMS = millis(end.Sub(j.StartedAt.Time))
	}
	s.Elapsed, s.Remaining = humanize(s.ElapsedMS), humanize(s.RemainingMS)
	if data, err := model.ParseData(j.Data); err == nil {
		addSignals(s, j.Signals, data.Steps)
		addSteps(s, data, row.Now)
	}
	return s
}

// addSignals tells of the signals that no step has used.
func addSignals(s *model.JobStatus, raw json.RawMessage, records []model.StepRecord) {
	signals, err := model.ParseSignals(raw)
	if err != nil {
		return
	}
	for _, record := range records {
		if !record.SentAt.IsZero() {
			signals = signals.Without(record.Awaits, record.SentAt)
		}
	}
	for _, signal := range signals {
		s.Signals = append(s.Signals, model.SignalView{Name: signal.Name, SentBy: signal.SentBy, SentAt: signal.SentAt})
	}
}

// percent is a share in whole percent: 100 only for all of it, and no less for
// the rounding of floating point numbers.
func percent(share float64) int {
	const rounding = 1e-9
	if share < 1 {
		return min(99, int(share*100+rounding))
	}
	return 100
}

// remaining is the estimate as of now: what was written, less the time since.
func remaining(row *store.Row) *int64 {
	if row.TimeToCompleteMS == nil {
		return nil
	}
	left := max(0, *row.TimeToCompleteMS-row.Now.Sub(row.UpdatedAt.Time).Milliseconds())
	return &left
}

func addSteps(s *model.JobStatus, data model.Data, now model.Time) {
	s.Result, s.Undoing = data.Result, data.Undoing != nil
	if data.Plan != nil {
		s.Crashes = data.Plan.Crashes
	}
	s.PlanChanged = data.Plan != nil && data.Plan.Earlier != ""
	s.History, s.HistoryDropped = data.History, data.HistoryDropped
	s.StepsTotal = len(data.Steps)
	for _, record := range data.Steps {
		view := model.StepView{
			Name: record.Name, Status: record.Status, Weight: record.Weight, Attempts: record.Attempts,
			StartedAt: record.StartedAt, FinishedAt: record.FinishedAt, Output: record.Output, Error: record.Error,
			Group: record.Group, WaitUntil: record.WaitUntil, Awaits: record.Awaits, SentBy: record.SentBy, SentAt: record.SentAt, Children: record.Children, Undo: record.Undo,
		}
		if record.Undecided() {
			s.Undecided = append(s.Undecided, record.Name)
		}
		if record.Status == model.StepWaiting && s.Status.Ended() {
			view.Status = waitedUntilEnd(s, record)
		}
		switch {
		case view.Status == model.StepRunning, view.Status == model.StepWaiting && record.FinishedAt.IsZero():
			view.DurationMS = millis(max(0, now.Sub(record.StartedAt.Time)))
		case !record.FinishedAt.IsZero():
			view.DurationMS = &record.DurationMS
		}
		view.Duration = humanize(view.DurationMS)
		if record.Status.Done() {
			s.StepsCompleted++
		} else if s.CurrentStep == "" && s.Status != model.Succeeded {
			s.CurrentStep = record.Name
		}
		s.Steps = append(s.Steps, view)
	}
	addWait(s, data.Steps)
}

// waitedUntilEnd is the status of a step that waited when its job ended, which its
// record need not tell: a scheduled job is cancelled, and one whose process has died
// fails, without it.
func waitedUntilEnd(s *model.JobStatus, record model.StepRecord) model.StepStatus {
	switch {
	case record.Retrying():
		return model.StepFailed
	case s.Status == model.Failed:
		return model.StepInterrupted
	default:
		return model.StepCancelled
	}
}

// addWait tells what the job waits for: with several steps that wait, what goes
// on first. One of which a step runs does not wait.
func addWait(s *model.JobStatus, records []model.StepRecord) {
	if s.Status.Ended() || slices.ContainsFunc(records, func(r model.StepRecord) bool { return r.Status == model.StepRunning }) {
		return
	}
	for _, record := range records {
		if record.Status != model.StepWaiting {
			continue
		}
		until := record.WaitUntil
		if s.WaitsFor == "" || !until.IsZero() && until.Before(s.WaitsUntil.Time) {
			s.WaitsFor, s.WaitsUntil = waitsFor(record), until
			if s.Signal(record.Awaits) != nil {
				s.WaitsFor = fmt.Sprintf("a worker, to go on with the signal %q", record.Awaits)
			}
		}
	}
}

// waitsFor says for people what a step waits for.
func waitsFor(record model.StepRecord) string {
	switch {
	case record.Awaits != "":
		return fmt.Sprintf("the signal %q", record.Awaits)
	case len(record.Children) > 0:
		return worker.JobsOf(record.Name, len(record.Children))
	case record.Retrying():
		return fmt.Sprintf("the next attempt of step %q", record.Name)
	default:
		return fmt.Sprintf("step %q to end", record.Name)
	}
}

func millis(d time.Duration) *int64 {
	ms := d.Milliseconds()
	return &ms
}

func humanize(ms *int64) string {
	if ms == nil {
		return ""
	}
	return progress.Humanize(time.Duration(*ms) * time.Millisecond)
}
