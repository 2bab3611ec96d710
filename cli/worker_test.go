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
		b := setupOn(t, text)
		id := b.enqueue(`{"wait":"pack"}`)
		w := b.worker("--grace", "0s")
		b.entersStep("pack")
		w.signal(syscall.SIGTERM)
		got := w.wait()
		assert.Equal(t, ExitOK, got.code)
		assert.Empty(t, got.stdout)
		for _, want := range []string{"worker started", `types=[shop:order]`, "job started", `got the signal \"terminated\"`, "worker stopped"} {
			assert.Contains(t, got.stderr, want)
		}
		s := b.status(id)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, "pack", s.CurrentStep)

		close(b.shop.open)
		b.worker()
		out := b.ok("watch", id)
		assert.Contains(t, out, "skipped pick: completed at ")
	})
}

func TestAWorkerRunsOnlyTheTypesItIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := steps.Define[order](steps.Type("shop:return"))
	steps.Do(other, "refund", b.shop.noStep)
	b.opts.Register = func(r *Registry) error {
		if err := r.Register(other); err != nil {
			return err
		}
		return b.shop.register(r)
	}
	order := b.enqueue(`{}`)
	back := idOf(t, b.ok("enqueue", "shop:return"))
	w := b.worker("--type", "shop:return")
	b.ok("watch", back)
	assert.Equal(t, model.Scheduled, b.status(order).Status)
	assert.Contains(t, w.stderr.String(), "types=[shop:return]")
}

func TestAWorkerLogsJSONIfAskedTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ok("migrate", "up")
	w := b.worker("--log-format", "json", "--lease", "2s", "--poll", "30ms", "--max-running", "1")
	w.signal(os.Interrupt)
	got := w.wait()
	assert.Equal(t, ExitOK, got.code)
	for line := range strings.Lines(got.stderr) {
		var entry map[string]any
		assert.NoError(t, json.Unmarshal([]byte(line), &entry), line)
	}
}

func TestAHostsMistakeIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.opts.Register = func(r *Registry) error { return r.Register(nil) }
	assert.Contains(t, b.fails(ExitUsage, "enqueue", "x"), "the definition is nil")
	b.opts.Register = func(r *Registry) error { return r.Register(steps.Define[order]()) }
	assert.Contains(t, b.fails(ExitUsage, "enqueue", "x"), "has no steps")
}

func TestADefinitionMayUseTheEngineAndTheDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.opts.Register = func(r *Registry) error {
		d := steps.Define[order](steps.Type("shop:chain"))
		steps.Do(d, "enqueue the order", b.shop.enqueueOrder(r.Engine(), r.DB()))
		return r.Register(d)
	}
	id := idOf(t, b.ok("enqueue", "shop:chain"))
	w := b.worker()
	b.ok("watch", id)
	w.signal(os.Interrupt)
	require.Equal(t, ExitOK, w.wait().code)
	b.opts.Register = nil
	assert.Len(t, b.list("--type", orderType), 1)
}
