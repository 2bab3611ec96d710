package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/model"
)

// Job is a job that must exist at the end, and how it must have ended.
type Job struct {
	ID   string
	Type string
	N    int // its input
	// Cancel says that its cancel was requested and that it was not resumed: it has ended
	// as cancelled, or otherwise before that.
	Cancel bool
}

// Evidence is what a proof checks.
type Evidence struct {
	DB *bun.DB
	// Jobs are all jobs that were enqueued, or those to check.
	Jobs []Job
	// Watch has read the tables while the workers worked; may be nil.
	Watch *Watch
	// Ledger is what their steps did: see [ReadLedgers].
	Ledger []Entry
	// Fleets have killed and frozen the workers.
	Fleets []*Fleet
	// Lease and Heartbeat are those of all engines.
	Lease, Heartbeat time.Duration
}

// Check proves that all is correct once the jobs have ended and nothing runs any more, and
// returns what is not:
//
//   - Each job is there, once, and has ended as [Kind.Want] says.
//   - Its steps are in its record once each, in the plan's order, completed with
//     their outputs. What was seen completed once has stayed as it was.
//   - No step is recorded as completed that no ledger has a begin of, and none
//     has begun again after its record was seen.
//   - No two jobs of a type were seen processing at a time, no attempt has
//     fallen, and no claim of a job was run by two.
//   - While a step of a run was under way, no later run of its type began one,
//     unless the earlier run's process was dead or frozen then, or its lease had
//     run out: because the process had been frozen for longer than a lease is
//     renewed ahead, or because the later run was claimed when the earlier one's
//     lease was over, both by the database's clock.
//   - The effect of a step that is made in its record's transaction is there
//     once if the record is, and else not.
//   - No lock covers a run, none is held, and nothing is processing.
func Check(ctx context.Context, e Evidence) ([]Finding, error) {
	c := &checker{Evidence: e, watch: e.Watch}
	if c.watch == nil {
		c.watch = NewWatch(e.DB)
	}
	rows, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	// Another reading finds what has changed since it was seen.
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	all := make([]*row, 0, len(rows))
	for _, r := range rows {
		all = append(all, r)
	}
	seen := len(c.watch.findings)
	c.watch.note(all, Now())
	c.findings = append(c.findings, c.watch.findings...)
	c.watch.findings = c.watch.findings[:seen]
	for _, job := range e.Jobs {
		c.job(job, rows[job.ID])
	}
	c.ledger()
	return c.findings, c.free(ctx)
}

type checker struct {
	Evidence
	watch    *Watch
	effects  map[string]int
	findings []Finding
}

func (c *checker) find(what What, job, format string, args ...any) {
	c.findings = append(c.findings, found(what, job, format, args...))
}

// read reads the jobs, some hundred in a statement, and their effects.
func (c *checker) read(ctx context.Context) (map[string]*row, error) {
	rows := make(map[string]*row)
	c.effects = make(map[string]int)
	for some := range slices.Chunk(c.Jobs, 200) {
		ids := make([]string, len(some))
		for i, job := range some {
			ids[i] = job.ID
		}
		read, err := readRows(ctx, c.DB, "j.id IN (?)", bun.List(ids))
		if err != nil {
			return nil, err
		}
		for _, r := range read {
			rows[r.ID] = r
		}
		var effects []string
		if err := c.DB.NewRaw("SELECT e.job FROM proof_effects e WHERE e.job IN (?)", bun.List(ids)).Scan(ctx, &effects); err != nil {
			return nil, fmt.Errorf("read the effects: %w", err)
		}
		for _, id := range effects {
			c.effects[id]++
		}
	}
	return rows, nil
}

// job checks the end of a job.
func (c *checker) job(job Job, r *row) {
	want := KindOf(job.Type).Want(job.N)
	switch {
	case r == nil:
		c.find(Lost, job.ID, "of type %s is not there", job.Type)
		return
	case !r.Status.Ended():
		c.find(Wedged, job.ID, "of type %s is %s: %s", job.Type, r.Status, r.Data)
		return
	case job.Cancel && r.Status == model.Cancelled:
		c.cut(r, want)
		return
	case r.Status != want.Status || !strings.Contains(r.Error, want.Error) || want.Error == "" && r.Error != "":
		c.find(Lost, job.ID, "of type %s has ended as %s %q, and not as %s %q: %s", job.Type, r.Status, r.Error, want.Status, want.Error, r.Data)
		return
	}
	if !sameJSON(r.result, want.Result) {
		c.find(Lost, job.ID, "has the result %s, and not %s", r.result, want.Result)
	}
	names := make([]string, len(r.steps))
	for i, step := range r.steps {
		names[i] = step.Name
	}
	planned := make([]string, len(want.Steps))
	for i, step := range want.Steps {
		planned[i] = step.Name
	}
	if !slices.Equal(names, planned) {
		c.find(Lost, job.ID, "has records of the steps %q, and not of %q", names, planned)
		return
	}
	for i, step := range want.Steps {
		got := r.steps[i]
		if got.Status != step.Status || !sameJSON(got.Output, step.Output) {
			c.find(Lost, job.ID, "has its step %q recorded as %s with output %s, and not as %s with %s", step.Name, got.Status, got.Output, step.Status, step.Output)
		}
	}
	c.effect(job.ID, want.Effects)
}

// cut checks a job that was cancelled: what it has done is as without the cancel.
func (c *checker) cut(r *row, want Want) {
	effects := 0
	for i, step := range r.steps {
		if i >= len(want.Steps) || want.Steps[i].Name != step.Name {
			c.find(Lost, r.ID, "has a record of a step %q in place %d, where the plan has none of that name", step.Name, i)
			return
		}
		if step.Status != model.StepCompleted {
			continue
		}
		if !want.Steps[i].Undone && !sameJSON(step.Output, want.Steps[i].Output) {
			c.find(Lost, r.ID, "has its step %q recorded with output %s, and not %s", step.Name, step.Output, want.Steps[i].Output)
		}
		if want.Steps[i].InTx {
			effects = 1
		}
	}
	c.effect(r.ID, effects)
}

func (c *checker) effect(job string, want int) {
	switch got := c.effects[job]; {
	case got < want:
		c.find(Lost, job, "has its step recorded whose effect is not there")
	case got > want:
		c.find(Doubled, job, "has %d effects, and not %d", got, want)
	}
}

// free checks that nothing is held any more.
func (c *checker) free(ctx context.Context) error {
	rows, err := readRows(ctx, c.DB, "j.status = 'processing'")
	if err != nil {
		return err
	}
	for _, r := range rows {
		c.find(Wedged, r.ID, "of type %s is processing still", r.Type)
	}
	var held []lock
	err = c.DB.NewRaw(locksQuery+" WHERE l.job_id IS NOT NULL OR l.locked_until > "+now(c.DB)).Scan(ctx, &held)
	if err != nil {
		return fmt.Errorf("read job_type_lock: %w", err)
	}
	for _, l := range held {
		covers := "nothing"
		if l.JobID != nil {
			covers = "job " + *l.JobID
		}
		c.find(Wedged, "", "the lock of type %s covers %s, until %s", l.Type, covers, l.LockedUntil.Format(time.RFC3339Nano))
	}
	return nil
}

// now returns the SQL of the database's clock.
func now(db *bun.DB) string {
	switch db.Dialect().Name() {
	case dialect.PG:
		return "clock_timestamp()"
	case dialect.MySQL:
		return "UTC_TIMESTAMP(6)"
	default:
		return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
	}
}

// sameJSON reports whether two texts are the same value; none is equal to null.
func sameJSON(a, b json.RawMessage) bool {
	value := func(raw json.RawMessage) (v any) {
		if len(raw) == 0 {
			return nil
		}
		if json.Unmarshal(raw, &v) != nil {
			return string(raw)
		}
		return v
	}
	return reflect.DeepEqual(value(a), value(b))
}
