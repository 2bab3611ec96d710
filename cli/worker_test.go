package cli

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAWorkerHandsItsJobOverAtTheFirstSignal(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		id := f.enqueue(`{"wait":"pack"}`)
		w := f.worker("--grace", "0s")
		f.entersStep("pack")
		w.signal(syscall.SIGTERM)
		got := w.wait()
		assert.Equal(t, ExitOK, got.code)
		assert.Empty(t, got.stdout)
		for _, want := range []string{"worker started", `types=[shop:order]`, "job started", `got the signal \"terminated\"`, "worker stopped"} {
			assert.Contains(t, got.stderr, want)
		}
		s := f.status(id)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, "pack", s.CurrentStep)

		close(f.shop.open)
		f.worker()
		out := f.ok("watch", id)
		assert.Contains(t, out, "skipped pick: completed at ")
	})
}

func TestAWorkerRunsOnlyTheTypesOfItsFlag(t *testing.T) {
	t.Parallel()
	f := setup(t)
	other := steps.Define[order](steps.Type("shop:return"))
	steps.Do(other, "refund", f.shop.noStep)
	f.opts.Register = func(r *Registry) error {
		if err := r.Register(other); err != nil {
			return err
		}
		return f.shop.register(r)
	}
	order := f.enqueue(`{}`)
	back := idOf(t, f.ok("enqueue", "shop:return"))
	w := f.worker("--type", "shop:return")
	f.ok("watch", back)
	assert.Equal(t, model.Scheduled, f.status(order).Status)
	assert.Contains(t, w.stderr.String(), "types=[shop:return]")
}

func TestAWorkerLogsJSONIfAskedTo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.ok("migrate", "up")
	w := f.worker("--log-format", "json", "--lease", "2s", "--poll", "30ms", "--max-running", "1")
	w.signal(os.Interrupt)
	got := w.wait()
	assert.Equal(t, ExitOK, got.code)
	for line := range strings.Lines(got.stderr) {
		var entry map[string]any
		assert.NoError(t, json.Unmarshal([]byte(line), &entry), line)
	}
}

func TestAHostsMistakeIsAnError(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.Register = func(r *Registry) error { return r.Register(nil) }
	assert.Contains(t, f.fails(ExitUsage, "enqueue", "x"), "the definition is nil")
	f.opts.Register = func(r *Registry) error { return r.Register(steps.Define[order]()) }
	assert.Contains(t, f.fails(ExitUsage, "enqueue", "x"), "has no steps")
}

func TestADefinitionMayUseTheEngineAndTheDatabase(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.Register = func(r *Registry) error {
		d := steps.Define[order](steps.Type("shop:chain"))
		steps.Do(d, "enqueue the order", f.shop.enqueueOrder(r.Engine(), r.DB()))
		return r.Register(d)
	}
	id := idOf(t, f.ok("enqueue", "shop:chain"))
	w := f.worker()
	f.ok("watch", id)
	w.signal(os.Interrupt)
	require.Equal(t, ExitOK, w.wait().code)
	f.opts.Register = nil
	assert.Len(t, f.list("--type", orderType), 1)
}
