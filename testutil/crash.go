package testutil

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// CrashEverywhere runs a job of a definition to its end, and then again for each write to
// the database: the process dies just before the first one, then just after it, then just
// before the second one, and so on. Each run has a new database. Another process then
// continues the job; if the job does not continue by itself, it is resumed. The test fails
// unless the job ends as without a crash: with the same status, error and result, and the
// same status and output of each step.
//
//	testutil.CrashEverywhere(t, func() steps.Handler {
//		store = newFakeStore()
//		return orders.Export(store)
//	}, orders.Input{Month: "2026-10"}, func(t testing.TB, h *testutil.Harness) {
//		require.Len(t, store.mails, 1) // however often it was sent
//	})
//
// make is called for each run, so that what the definition works on is new too. check is
// called after each run, first after the one without a crash; it may be nil. [Prepare] does
// something before each run, for example sends a signal. Waits are skipped, as by
// [Harness.SkipWait]. A step with [steps.StopOnCrash] whose process died while it ran is
// run again, with [engine.RerunFrom]. Outputs that differ between two runs, because they
// have a time or a random number in them, cannot be compared: such a definition must get
// these as parameters.
//
// The databases are SQLite files, or the one on a server that [OnDB] names, which then has
// the jobs of all runs. Jobs of [steps.ChildJobs] need their definitions, see [Beside];
// these are made once. If there are many writes, [AtMost] limits the number of crashes. A
// process that has died writes nothing more, but its step continues until its next call of
// the engine.
func CrashEverywhere(t testing.TB, make func() steps.Handler, input any, check func(testing.TB, *Harness), opts ...HarnessOption) {
	t.Helper()
	if testdb.InBubble() {
		t.Fatal("CrashEverywhere works in real time, with all waits skipped: call it outside of the bubble of testing/synctest")
	}
	if check == nil {
		check = func(testing.TB, *Harness) {}
	}
	most := 0
	run := func(d *death) (end string, died bool) {
		t.Helper()
		h, open := newCrashHarness(t, make(), opts)
		most = h.settings.crashes
		h.Enqueue(input)
		if prepare := h.settings.prepare; prepare != nil {
			prepare(h)
		}
		died = h.dieAt(open, d)
		check(t, h)
		return endText(h.row()), died
	}
	undisturbed := newDeath(0, false)
	want, _ := run(undisturbed)
	step := 1
	if most > 0 {
		step = max(1, (undisturbed.writes()+most-1)/most)
	}
	for write := 1; ; write += step {
		for _, after := range []bool{false, true} {
			end, died := run(newDeath(write, after))
			when := map[bool]string{false: "before", true: "after"}[after]
			if end != want {
				t.Fatalf("with a process that died just %s its write %d, the job ended differently than without:\n%s\n\nwithout:\n%s", when, write, end, want)
			}
			if !died {
				return
			}
		}
	}
}

// Prepare makes [CrashEverywhere] call a function before each run, after the job is
// enqueued.
func Prepare(prepare func(h *Harness)) HarnessOption {
	return func(s *harnessSettings) { s.prepare = prepare }
}

// AtMost makes [CrashEverywhere] try about that many of the writes, spread evenly over the
// run, the first one among them. The default is all.
func AtMost(writes int) HarnessOption {
	return func(s *harnessSettings) { s.crashes = writes }
}

// newCrashHarness makes a harness on a database that a second process can open. open opens
// it for that process.
func newCrashHarness(t testing.TB, definition steps.Handler, opts []HarnessOption) (h *Harness, open func(*death) (*bun.DB, error)) {
	t.Helper()
	var given harnessSettings
	for _, opt := range opts {
		opt(&given)
	}
	db := given.db
	switch {
	case db == nil:
		file := testdb.File(t)
		db = testdb.Open(t, dsn.File(file))
		open = func(d *death) (*bun.DB, error) { return openMortal(file, d) }
	case db.Dialect().Name() == dialect.SQLite:
		t.Fatal("CrashEverywhere makes SQLite databases by itself: OnDB is for one on a server")
	default:
		open = func(d *death) (*bun.DB, error) { return openMortalOn(db, d), nil }
	}
	quick := func(s *harnessSettings) { s.config.Poll = 5 * time.Millisecond }
	return NewHarness(t, definition, append([]HarnessOption{OnDB(db), quick}, opts...)...), open
}

// dieAt runs the job in a process that dies at a write, and in another one to its end. It
// reports whether the first process died.
func (h *Harness) dieAt(open func(*death) (*bun.DB, error), d *death) (died bool) {
	h.t.Helper()
	db, err := open(d)
	h.must("open the database once more", err)
	defer db.Close()
	p := h.prepareOn(db)
	h.start(p)
	if !h.untilEnd(p, d) {
		h.stop(p)
		return false
	}
	h.expireLeases()
	survivor := h.prepare()
	h.start(survivor)
	h.untilEnd(survivor, nil)
	p.requestStop()
	d.revive()
	if !h.stopped(p, h.settings.deadline) {
		h.fatal("the process that has died did not end within %v: does the step ignore its context?", h.settings.deadline)
	}
	h.stop(survivor)
	return true
}

// untilEnd waits until the job has ended. It skips waits, and resumes a job whose process
// died. It reports whether the process died before.
func (h *Harness) untilEnd(p *hostProcess, d *death) bool {
	h.t.Helper()
	var died chan struct{}
	if d != nil {
		died = d.died
	}
	poll := time.NewTimer(0)
	defer poll.Stop()
	deadline := time.NewTimer(h.settings.deadline)
	defer deadline.Stop()
	for begin := time.Now(); ; {
		select {
		case <-died:
			return true
		default:
		}
		switch s := h.Status(); {
		case ended(s) && s.Status != model.Succeeded && h.interrupted(s):
			h.resumeAny()
		case ended(s): // possibly by the write with which the process died
			return d != nil && d.isDead()
		case h.orphaned(s):
			h.must("make the job check its children", h.makeDue(h.row()))
			p.engine.Wake()
		case parked(s):
			if job := h.row(); job.Status == model.Scheduled { // it may have continued meanwhile
				h.must("skip the wait", h.skipWait(job))
				p.engine.Wake()
			}
		}
		poll.Reset(h.pollInterval(time.Since(begin)))
		select {
		case <-died:
			return true
		case <-poll.C:
		case <-h.log.news:
		case <-p.ended:
			if d == nil || !d.isDead() {
				h.fatal("the engine ended before the job: %v", p.err)
			}
		case <-deadline.C:
			h.fatal("the job's end did not come within %v", h.settings.deadline)
		}
	}
}

// interrupted reports whether a job has ended because a process died: its own, or that of a
// job it waited for.
func (h *Harness) interrupted(s *model.JobView) bool {
	h.t.Helper()
	died := func(s *model.JobView) bool { return strings.Contains(s.Error, "interrupted: its engine") }
	return died(s) || slices.ContainsFunc(h.children(s), died)
}

// children returns the jobs that a job has enqueued.
func (h *Harness) children(s *model.JobView) []*model.JobView {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	children, err := h.engine.List(ctx, engine.Filter{Parent: s.ID, Limit: 1000})
	h.must("list the job's children", err)
	return children
}

// orphaned reports whether a job waits for children that have ended already: the process
// that had to wake the job died, and the job checks its children by itself only now and
// then.
func (h *Harness) orphaned(s *model.JobView) bool {
	h.t.Helper()
	return s.Status == model.Scheduled && waitsForChildren(s) && !slices.ContainsFunc(h.children(s), func(c *model.JobView) bool { return !ended(c) })
}

// resumeAny resumes a job whose process died in any step.
func (h *Harness) resumeAny() {
	h.t.Helper()
	var opts []engine.ResumeOption
	for _, record := range h.Records() {
		if record.Status == model.StepInterrupted && record.OnCrash == model.OnCrashStop {
			opts = []engine.ResumeOption{engine.RerunFrom(record.Name)}
		}
	}
	h.Resume(opts...)
}

// expireLeases makes the leases of all runs expire.
func (h *Harness) expireLeases() {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	_, err := h.db.NewUpdate().Model((*model.TypeLock)(nil)).Set("locked_until = updated_at").Where("job_id IS NOT NULL").Exec(ctx)
	h.must("expire the leases", err)
}

// endText returns a text by which the ends of two jobs are compared.
func endText(job *model.Job) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", job.Status, job.Error)
	data, err := model.ParseData(job.Data)
	if err != nil {
		return b.String() + err.Error()
	}
	fmt.Fprintf(&b, ", result %s", compact(data.Result))
	for _, record := range data.Steps {
		fmt.Fprintf(&b, "\n  %s %s %s", record.Name, record.Status, compact(record.Output))
		if record.Undo != nil {
			fmt.Fprintf(&b, ", undo %s", record.Undo.Status)
		}
	}
	text := b.String()
	for _, record := range data.Steps {
		for k, id := range record.Children {
			text = strings.ReplaceAll(text, id.String(), fmt.Sprintf("job %d of %s", k+1, record.Name))
		}
	}
	return text
}

// compact returns JSON with its keys in order, which databases may change.
func compact(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(out)
}
