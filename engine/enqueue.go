package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// RawInput is an input whose job type is known only at run time, with the input as JSON.
type RawInput struct {
	Type  string
	Input json.RawMessage
}

// JobType returns r.Type.
func (r RawInput) JobType() string { return r.Type }

// MarshalJSON returns r.Input, null if it is empty.
func (r RawInput) MarshalJSON() ([]byte, error) {
	if len(r.Input) == 0 {
		return []byte("null"), nil
	}
	return r.Input, nil
}

// EnqueueOption is an option of [Client.Enqueue].
type EnqueueOption func(*request)

type request struct {
	job         model.Job
	immediately bool
	priority    int
	uniqueUntil []model.Status
	untilGiven  bool
}

// Name sets the name that people see. The default is the job's type.
func Name(name string) EnqueueOption { return func(r *request) { r.job.Name = name } }

// Role sets the role of the user to whom the job belongs.
func Role(role string) EnqueueOption { return func(r *request) { r.job.Role = role } }

// Email sets the address of the user to whom the job belongs.
func Email(email string) EnqueueOption { return func(r *request) { r.job.Email = email } }

// UploadedFileURL sets the address of the file that the job works on.
func UploadedFileURL(url string) EnqueueOption {
	return func(r *request) { r.job.UploadedFileURL = url }
}

// At sets when the job is due: it runs at that time or later, by the database's clock. The
// default is now.
func At(t time.Time) EnqueueOption {
	return func(r *request) { r.job.ScheduledAt = model.TimeOf(t) }
}

// Immediately makes the job the next one of its type that an engine claims, before all others
// that wait, however long they have waited: at once, or when the running job of the type has
// ended. Of several immediate jobs, the one that was enqueued first is claimed first. The job
// keeps that preference when it waits or is resumed. It has the priority
// [model.ImmediatePriority]. Together with [At] or [Priority] it is an [ErrInvalid].
func Immediately() EnqueueOption { return func(r *request) { r.immediately = true } }

// Priority ranks the job among the due jobs of its type: a greater priority is claimed first.
// It is between [model.MinPriority] and [model.MaxPriority], by default 0; anything else is an
// [ErrInvalid]. One step counts as much as an hour of waiting ([model.PriorityWorth]), so that
// a job of a low priority waits longer, and not for ever. A running job is not interrupted.
// See [Immediately] for a job that goes before all others.
func Priority(n int) EnqueueOption { return func(r *request) { r.priority = n } }

// IdempotencyKey makes enqueuing idempotent: if there is a job of the same type with the
// same key, no other is created, and that job is returned with Existing set. The key binds
// until the job is deleted, whatever becomes of it; [UniqueUntil] limits that. In a caller's
// transaction, the enqueue waits for other transactions that enqueue with the same key. The
// database may then abort the transaction to resolve a deadlock: repeat the transaction.
func IdempotencyKey(key string) EnqueueOption {
	return func(r *request) { r.job.IdempotencyKey = &key }
}

// UniqueUntil limits how long the job's [IdempotencyKey] binds: until the job ends with one of
// these statuses. So with model.Failed and model.Cancelled, an invoice that has failed can be
// enqueued again, and none succeeds twice; with model.Succeeded as well, there is one job at a
// time that has not ended. What counts is what the job that has the key was enqueued with. A
// job whose key is another job's by now cannot be resumed or restarted: that is a
// [StatusError]. Without a key, without a status, or with one that is no end, UniqueUntil is
// an [ErrInvalid].
func UniqueUntil(ends ...model.Status) EnqueueOption {
	return func(r *request) { r.uniqueUntil, r.untilGiven = ends, true }
}

// Enqueue creates a job with this input and returns its row. The job is scheduled: it runs
// when it is due, an engine that has its type runs, and no other job of the type is
// processing. Everything is checked before anything is written; an input that cannot be
// stored unchanged in every supported database is an [ErrInvalid].
func (c *Client) Enqueue(ctx context.Context, input steps.Input, opts ...EnqueueOption) (*model.Job, error) {
	if input == nil {
		return nil, fmt.Errorf("enqueue: %w", invalid("the input is nil"))
	}
	r, err := c.newRequest(input, opts)
	if err != nil {
		return nil, fmt.Errorf("enqueue job of type %q: %w", input.JobType(), c.redactInputErr(input, err))
	}
	if err := c.engine.store.Insert(ctx, c.db, []*model.Job{&r.job}, c.othersMayRun(r.job.Type)); err != nil {
		return nil, fmt.Errorf("enqueue job of type %q: %w", r.job.Type, c.redactErr(&r.job, err))
	}
	if w := c.engine.running(); w != nil && !c.inTx {
		w.Due(r.job.Type)
	}
	return c.shownJob(&r.job), nil
}

// othersMayRun reports whether other engines must be notified of a due job of a type. They
// need not be if this engine will run it as soon as the type is free. In a caller's
// transaction all engines are notified by the commit.
func (c *Client) othersMayRun(jobType string) bool {
	here := c.engine.running() != nil && !c.inTx && c.engine.Registered(jobType) != nil && c.engine.config.MaxRunning == 0
	return !here
}

// wakeEngines wakes the engines that can run a due job of that type. The job is written
// already, so outside of a caller's transaction a failed notification is only logged: other
// engines find the job at their next poll.
func (c *Client) wakeEngines(ctx context.Context, jobType string) error {
	if w := c.engine.running(); w != nil && !c.inTx {
		w.Due(jobType)
	}
	if !c.othersMayRun(jobType) {
		return nil
	}
	err := c.engine.store.NotifyDue(ctx, c.db, jobType)
	if err != nil && !c.inTx {
		c.engine.config.Logger.Warn("cannot notify other engines; they will find the job at their next poll", "type", jobType, "error", err)
		return nil
	}
	return err
}

// NewJob describes a job for [Client.EnqueueMany].
type NewJob struct {
	Input   steps.Input
	Options []EnqueueOption
}

// EnqueueMany creates many jobs in one transaction: all of them, or none. Everything is
// checked before anything is written; the error names the first item that is invalid. It
// returns the rows in the order of the items. See [Client.Enqueue] for the
// rest.
func (c *Client) EnqueueMany(ctx context.Context, items []NewJob) ([]*model.Job, error) {
	jobs := make([]*model.Job, len(items))
	types := make(map[string]bool)
	for i, item := range items {
		if item.Input == nil {
			return nil, fmt.Errorf("enqueue item %d: %w", i, invalid("the input is nil"))
		}
		r, err := c.newRequest(item.Input, item.Options)
		if err != nil {
			return nil, fmt.Errorf("enqueue item %d, a job of type %q: %w", i, item.Input.JobType(), c.redactInputErr(item.Input, err))
		}
		jobs[i], types[r.job.Type] = &r.job, true
	}
	if err := c.engine.store.InsertAll(ctx, c.db, jobs, true); err != nil {
		return nil, fmt.Errorf("enqueue %d jobs: %w", len(items), err)
	}
	if w := c.engine.running(); w != nil && !c.inTx {
		w.Due(slices.Collect(maps.Keys(types))...)
	}
	for i := range jobs {
		jobs[i] = c.shownJob(jobs[i])
	}
	return jobs, nil
}

func (c *Client) newRequest(input steps.Input, opts []EnqueueOption) (*request, error) {
	raw, err := c.encodeInput(input)
	if err != nil {
		return nil, err
	}
	r := &request{}
	for _, opt := range opts {
		opt(r)
	}
	r.job.Type = input.JobType()
	if r.job.Name == "" {
		r.job.Name = r.job.Type
	}
	if at := r.job.ScheduledAt; !at.IsZero() && !at.IsKept() {
		return nil, invalid("it is to run at %v, which is not between the year 1 and %v", at.Time, model.MaxTime().Time)
	}
	if err := r.rank(); err != nil {
		return nil, err
	}
	if err := checkTexts(&r.job); err != nil {
		return nil, err
	}
	if err := r.limitKey(); err != nil {
		return nil, err
	}
	if r.job.ID, err = uuid.NewV7(); err != nil {
		return nil, fmt.Errorf("make an id: %w", err)
	}
	if r.job.Data, err = (model.Data{Input: raw}).JSON(); err != nil {
		return nil, err
	}
	return r, nil
}

// rank sets the job's priority.
func (r *request) rank() error {
	switch {
	case r.immediately && !r.job.ScheduledAt.IsZero():
		return invalid("it has both Immediately and At(%v): give one of them", r.job.ScheduledAt.Time)
	case r.immediately && r.priority != 0:
		return invalid("it has both Immediately and Priority(%d): give one of them", r.priority)
	case r.priority < model.MinPriority || r.priority > model.MaxPriority:
		return invalid("priority %d is not between %d and %d", r.priority, model.MinPriority, model.MaxPriority)
	}
	r.job.Priority = r.priority
	if r.immediately {
		r.job.Priority = model.ImmediatePriority
	}
	return nil
}

// limitKey sets until when the job's idempotency key binds.
func (r *request) limitKey() error {
	switch {
	case !r.untilGiven:
		return nil
	case r.job.IdempotencyKey == nil:
		return invalid("it has UniqueUntil and no IdempotencyKey")
	case len(r.uniqueUntil) == 0:
		return invalid("UniqueUntil has no status")
	}
	var until []string
	for _, end := range r.uniqueUntil {
		if !end.Ended() {
			return invalid("UniqueUntil has %q, which is not a status with which a job ends", end)
		}
		until = append(until, string(end))
	}
	slices.Sort(until)
	r.job.UniqueUntil = strings.Join(slices.Compact(until), " ")
	return nil
}

// encodeInput writes an input as it is kept, and checks that the definition that is
// registered for it here can read it.
func (c *Client) encodeInput(input steps.Input) (json.RawMessage, error) {
	raw, err := encode(input)
	if err != nil {
		return nil, invalid("input: %w", err)
	}
	kept, err := plan.KeepJSON(raw, c.engine.config.Limits.Input)
	if err != nil {
		return nil, invalid("input %w", err)
	}
	if definition := c.engine.Registered(input.JobType()); definition != nil {
		if err := definition.CheckInput(input, raw); err != nil {
			return nil, invalid("input %w", err)
		}
	}
	return kept, nil
}

// The lengths of a job's longest texts, in characters. The columns have that size in the
// databases that require one.
const (
	maxName   = 255
	maxEmail  = 320
	maxURL    = 2048
	maxReason = 1000
)

func checkTexts(j *model.Job) error {
	if err := model.CheckName(j.Type); err != nil {
		return invalid("job type %w", err)
	}
	if j.IdempotencyKey != nil && *j.IdempotencyKey == "" {
		return invalid("idempotency key is empty")
	}
	key := ""
	if j.IdempotencyKey != nil {
		key = *j.IdempotencyKey
	}
	if key != strings.TrimRight(key, " ") {
		return invalid("idempotency key ends with a space, which some databases ignore")
	}
	for _, field := range []struct {
		name, text string
		limit      int
	}{
		{"name", j.Name, maxName}, {"role", j.Role, maxName}, {"email", j.Email, maxEmail},
		{"uploaded file URL", j.UploadedFileURL, maxURL}, {"idempotency key", key, maxName},
	} {
		if err := checkText(field.text, field.limit); err != nil {
			return invalid("%s %w", field.name, err)
		}
	}
	return nil
}

// checkText returns an error if a column of limit characters cannot store text.
func checkText(text string, limit int) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("is not valid UTF-8")
	case strings.ContainsRune(text, 0):
		return fmt.Errorf("holds a NUL character")
	case utf8.RuneCountInString(text) > limit:
		return fmt.Errorf("is longer than %d characters", limit)
	default:
		return nil
	}
}
