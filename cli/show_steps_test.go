package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// shown is a job that a harness has run as far as a test needs, and the command on
// its database.
type shown struct {
	*testutil.Harness
	fixture *fixture
	id      string
}

func runShown(t *testing.T, d steps.Handler, opts ...testutil.HarnessOption) *shown {
	t.Helper()
	text := testdb.DSN(t, testdb.SQLite)
	h := testutil.NewHarness(t, d, append(opts, testutil.OnDB(testdb.Open(t, text)))...)
	job := h.Enqueue(order{})
	h.RunToWait()
	return &shown{Harness: h, fixture: setupOn(t, text), id: job.ID.String()}
}

// prints checks that show prints what each of the patterns matches.
func (s *shown) prints(t *testing.T, patterns ...string) {
	t.Helper()
	out := s.fixture.ok("show", s.id)
	for _, pattern := range patterns {
		assert.Regexp(t, `(?m)`+pattern, out)
	}
}

// json returns a step as show -o json prints it.
func (s *shown) json(t *testing.T, step string) model.StepView {
	t.Helper()
	for _, view := range s.fixture.status(s.id).Steps {
		if view.Name == step {
			return view
		}
	}
	require.Fail(t, "no such step", step)
	return model.StepView{}
}

func done(context.Context, *steps.Run[order]) error { return nil }

func fails(context.Context, *steps.Run[order]) error { return errors.New("out of stock\nand of hope") }

func TestShowPrintsTheGroupOfItsMembers(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	steps.Do(d, "first", done)
	pair := steps.Parallel(d, "pair")
	steps.Do(pair, "left", done)
	steps.Do(pair, "right", done)
	s := runShown(t, d)
	s.prints(t, `^# +STEP +GROUP +STATUS`, `^1 +first +- +completed`, `^2 +left +pair +completed`, `^3 +right +pair +completed`)
	assert.Equal(t, "pair", s.json(t, "right").Group)
}

func TestShowPrintsWhyAStepWasSkipped(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	steps.Do(d, "gift", done, steps.When(func(*steps.Run[order]) bool { return false }, "it is no gift"))
	s := runShown(t, d)
	s.prints(t, `^1 +gift +skipped .*it is no gift$`)
	assert.Equal(t, "it is no gift", s.json(t, "gift").Error)
}

func TestShowPrintsWhichSignalAStepWaitsForAndWhoSentIt(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	steps.AwaitSignal[order, string](d, "approve", steps.Timeout(24*time.Hour))
	s := runShown(t, d)
	s.prints(t,
		`^Waits +for the signal "approve" \(at 20\S+Z at the latest\)$`,
		`^1 +approve +waiting`,
		`^Step "approve" waits for the signal "approve", and gives up at 20\S+Z\.$`,
		`^It continues with the signal: shopctl --dsn \S+ signal `+s.id+` approve --data JSON$`)
	view := s.json(t, "approve")
	assert.Equal(t, "approve", view.Awaits)
	assert.InDelta(t, 24, time.Until(view.WaitUntil.Time).Hours(), 1)

	s.fixture.ok("signal", s.id, "later", "--by", "bob")
	s.fixture.ok("signal", s.id, "approve", "--data", `"fine"`, "--by", "ann")
	s.prints(t,
		`^Waits +for a worker, to continue with the signal "approve"`,
		`^Signal +"later", sent by bob at 20\S+Z: kept for a step that waits for it$`,
		`^Signal +"approve", sent by ann at 20\S+Z: a worker continues with it$`,
		`^Step "approve" continues with the signal "approve", sent by ann at 20\S+Z\.$`,
		`^It continues by itself, when a worker has its type`)
	require.Len(t, s.fixture.status(s.id).Signals, 2)
	assert.NotContains(t, s.fixture.ok("show", s.id), "--data JSON")
	s.Run()
	assert.Equal(t, "later", s.fixture.status(s.id).Signals[0].Name, "the other one is used")
	s.prints(t, `^1 +approve +completed .*"fine"$`, `^Step "approve" has the signal "approve", sent by ann at 20\S+Z\.$`)
	assert.Equal(t, "ann", s.json(t, "approve").SentBy)
}

func TestShowPrintsHowLongAStepSleeps(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	steps.Sleep(d, "cool down", time.Hour)
	s := runShown(t, d)
	s.prints(t, `^Step "cool down" waits to end at 20\S+Z\.$`, `^It continues by itself`)
	assert.False(t, s.json(t, "cool down").WaitUntil.IsZero())
}

func TestShowPrintsTheNextAttemptAndTheErrorOfTheLast(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	steps.Do(d, "ship", fails, steps.Retry(3, time.Hour))
	s := runShown(t, d)
	s.SkipWait()
	s.RunToWait()
	s.prints(t,
		`^Waits +for the next attempt of step "ship"`,
		`^1 +ship +waiting +1 +2 .* out of stock$`,
		`^Step "ship" has failed in attempt 2 and is tried again at 20\S+Z\.$`)
	view := s.json(t, "ship")
	assert.Equal(t, model.StepWaiting, view.Status)
	assert.Equal(t, 2, view.Attempts)
	assert.Equal(t, "out of stock\nand of hope", view.Error)
}

func TestShowPrintsAStepsJobThatFailed(t *testing.T) {
	t.Parallel()
	child := steps.Define[order](steps.Type("shop:parcel"))
	steps.Do(child, "pack", fails)
	d := steps.Define[order]()
	steps.ChildJobs(d, "parcels", func(context.Context, *steps.Run[order]) ([]steps.Child, error) {
		return []steps.Child{{Input: engine.RawInput{Type: "shop:parcel", Input: []byte(`{}`)}, Name: "the only one"}}, nil
	})
	s := runShown(t, d, testutil.Beside(child))
	children := s.RequireStep("parcels", model.StepFailed).Children
	require.Len(t, children, 1)
	s.prints(t,
		`^STEP +ITS JOB +TYPE +STATUS +PROGRESS +WHAT$`,
		`^parcels +`+children[0].String()+` +shop:parcel +failed +0% 0/1 .*out of stock`,
		`^Error +step "parcels"`)
	assert.Equal(t, children, s.json(t, "parcels").Children)
	assert.Regexp(t, `(?m)^Parent +`+s.id+`$`, s.fixture.ok("show", children[0].String()))
}

func TestShowSaysThatNoWorkerOfThisProgramRunsAStepsJobs(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	steps.ChildJobs(d, "parcels", func(context.Context, *steps.Run[order]) ([]steps.Child, error) {
		parcel := steps.Child{Input: engine.RawInput{Type: "shop:parcel", Input: []byte(`{}`)}}
		return []steps.Child{parcel, parcel}, nil
	})
	const foreign = "This program does not have the type \"shop:parcel\": the worker of another one has to run its jobs.\n"
	f := setup(t)
	f.opts.Register = func(r *Registry) error { return r.Register(d) }
	id := f.enqueue(`{}`)
	f.worker().stderr.WaitFor("job waits")
	assert.Equal(t, 1, strings.Count(f.ok("show", id), foreign))
	f.opts.Register = func(r *Registry) error {
		child := steps.Define[order](steps.Type("shop:parcel"))
		steps.Do(child, "pack", done)
		return errors.Join(r.Register(d), r.Register(child))
	}
	assert.NotContains(t, f.ok("show", id), foreign)
	f.opts.Register = nil
	assert.NotContains(t, f.ok("show", id), foreign, "it runs no jobs at all")
}

// A tired reader must not expect more of a resume than it does.
func TestShowPrintsWhatWasUndoneAndWhatNot(t *testing.T) {
	t.Parallel()
	mended := false
	d := steps.Define[order]()
	steps.Do(d, "reserve", done, steps.Retry(2, time.Millisecond), steps.Undo(func(context.Context, *steps.Run[order], steps.None) error {
		if !mended {
			return errors.New("the bank is closed")
		}
		return nil
	}))
	steps.Do(d, "pack", done, steps.Undo(func(context.Context, *steps.Run[order], steps.None) error { return nil }))
	steps.Do(d, "ship", fails)
	s := runShown(t, d)
	s.prints(t,
		`^Status +failed, not all undone$`,
		`^Error +step "ship": out of stock\n +and of hope; undo step "reserve": the bank is closed$`,
		`^1 +reserve +completed`, `^2 +pack +undone`,
		`^Step "reserve" is not undone after 2 attempts: the bank is closed\.$`,
		`^Step "pack" was undone at 20\S+Z, in 1 attempt\.$`,
		`^Undo what is left to be undone: shopctl --dsn \S+ resume `+s.id+`$`)
	assert.NotContains(t, s.fixture.ok("show", s.id), `Continue with step "ship"`)
	assert.True(t, s.fixture.status(s.id).Undoing)
	undo := s.json(t, "reserve").Undo
	assert.Equal(t, model.StepFailed, undo.Status)
	assert.Equal(t, 2, undo.Attempts)
	assert.Equal(t, "the bank is closed", undo.Error)

	mended = true
	s.fixture.opts.Register = nil // this one does not have the type
	assert.Equal(t, "job "+s.id+" is scheduled, undoing\n", s.fixture.ok("resume", s.id))
	s.Run()
	s.prints(t, `^Status +failed$`, `^Step "reserve" was undone at 20\S+Z, in 3 attempts\.$`, `^Continue with step "reserve": `)
}

func TestShowPrintsWhichRecordsAResumeHasReplaced(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	steps.Do(d, "pick", done)
	steps.Do(d, "pack", done)
	steps.Do(d, "ship", fails)
	s := runShown(t, d)
	s.Resume(engine.RerunFrom("pack"))
	s.prints(t, `^Resumptions +1$`, `^History +2 earlier records of steps, with -o json: pack, ship$`, `^2 +pack +pending +1 +1 +-`)
	history := s.fixture.status(s.id).History
	require.Len(t, history, 2)
	assert.Equal(t, "ship", history[1].Name)
	assert.Equal(t, model.StepFailed, history[1].Status)
	assert.Equal(t, "out of stock\nand of hope", history[1].Error)
}

// Programs find what people see under the documented names.
func TestShowAsJSONHasTheDocumentedNames(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	pair := steps.Parallel(d, "pair")
	steps.Do(pair, "left", done, steps.Undo(func(context.Context, *steps.Run[order], steps.None) error { return nil }))
	steps.Do(pair, "right", fails, steps.Retry(2, time.Hour))
	s := runShown(t, d)
	var doc struct {
		WaitsFor   string           `json:"waits_for"`
		WaitsUntil time.Time        `json:"waits_until"`
		Steps      []map[string]any `json:"steps"`
	}
	require.NoError(t, json.Unmarshal([]byte(s.fixture.ok("-o", "json", "show", s.id)), &doc))
	assert.Equal(t, `the next attempt of step "right"`, doc.WaitsFor)
	assert.False(t, doc.WaitsUntil.IsZero())
	assert.Subset(t, doc.Steps[0], map[string]any{"name": "left", "status": "completed", "group": "pair", "attempts": 1.0, "undo": map[string]any{"status": "pending", "attempts": 0.0}})
	assert.Subset(t, doc.Steps[1], map[string]any{"name": "right", "status": "waiting", "error": "out of stock\nand of hope"})
	assert.Contains(t, doc.Steps[1], "wait_until")
}
