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

// RawInput is an input whose type is known only at run time: a job type and JSON.
type RawInput struct {
	Type  string
	Input json.RawMessage
}

// JobType returns the type.
func (r RawInput) JobType() string { return r.Type }

// MarshalJSON returns the input, null if it is empty.
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
}

// Name sets the name that people see; the type is the default.
func Name(name string) EnqueueOption { return func(r *request) { r.job.Name = name } }

// Role sets the role of the user whom the job belongs to.
func Role(role string) EnqueueOption { return func(r *request) { r.job.Role = role } }

// Email sets the address of the user whom the job belongs to.
func Email(email string) EnqueueOption { return func(r *request) { r.job.Email = email } }

// UploadedFileURL sets the address of the file that the job works on.
func UploadedFileURL(url string) EnqueueOption {
	return func(r *request) { r.job.UploadedFileURL = url }
}

// At has the job run at that time or later, by the database's clock. Without
// it, the job is due now.
func At(t time.Time) EnqueueOption {
	return func(r *request) { r.job.ScheduledAt = model.TimeOf(t) }
}

// Immediately has this engine, if it runs and handles the type, claim the job
// at once and before all others of its type that wait. If a job of the type is
// running, or in a caller's transaction, it is due now like any other. With [At] it is
// an [ErrInvalid].
func Immediately() EnqueueOption { return func(r *request) { r.immediately = true } }

// IdempotencyKey makes enqueuing idempotent: a second job of the same type with
// the same key is not made; the first one is returned, with Existing set. In a
// caller's transaction, which waits for others that enqueue with the key, the
// database may end the transaction to end a deadlock: repeat it then.
func IdempotencyKey(key string) EnqueueOption {
	return func(r *request) { r.job.IdempotencyKey = &key }
}

// Enqueue writes a job with this input and returns its row. It is scheduled:
// it runs when it is due, an engine that has its type is running, and no other
// job of the type is. Everything is checked before anything is written; an
// input that cannot be kept alike on every database is an [ErrInvalid].
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
		if r.immediately && !r.job.Existing {
			w.DueFirst(r.job.Type, r.job.ID)
		} else {
			w.Due(r.job.Type)
		}
	}
	return c.shownJob(&r.job), nil
}

// othersMayRun reports whether other engines are to be told of a due job of a
// type: not if it runs here as soon as its type is free. In a caller's
// transaction they and this engine are told with the commit.
func (c *Client) othersMayRun(jobType string) bool {
	here := c.engine.running() != nil && !c.inTx && c.engine.Registered(jobType) != nil && c.engine.config.MaxRunning == 0
	return !here
}

// tell wakes whoever can run a job of that type which is written already, so
// that a notification which fails is left to the others' next look.
func (c *Client) wakeEngines(ctx context.Context, jobType string) error {
	if w := c.engine.running(); w != nil && !c.inTx {
		w.Due(jobType)
	}
	if !c.othersMayRun(jobType) {
		return nil
	}
	err := c.engine.store.NotifyDue(ctx, c.db, jobType)
	if err != nil && !c.inTx {
		c.engine.config.Logger.Warn("cannot notify other engines; they will find the job at their next look", "type", jobType, "error", err)
		return nil
	}
	return err
}

// NewJob is a job for [Client.EnqueueMany].
type NewJob struct {
	Input   steps.Input
	Options []EnqueueOption
}

// EnqueueMany is [Client.Enqueue] for many jobs: all of them are written in one
// transaction, or none. Everything is checked before anything is written, and
// the error names the item that cannot be used. It returns the rows in the order
// of the items. Immediately has no effect here.
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
	if r.immediately && !r.job.ScheduledAt.IsZero() {
		return nil, invalid("it is to run immediately, and at %v: one or the other", r.job.ScheduledAt.Time)
	}
	if err := checkTexts(&r.job); err != nil {
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

// The longest texts of a job, in characters; the columns have that size where a
// database wants one.
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

// checkText reports why a column cannot hold text.
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
