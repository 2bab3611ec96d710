package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestResumeFromAStepRunsItAgainAndShowsTheHistory(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		id := f.enqueue(`{"fail":"ship","fixed":true}`)
		f.process(id)
		var list []model.ForecastStep
		require.NoError(t, json.Unmarshal([]byte(f.ok("-o", "json", "resume", "--dry-run", "--rerun-from", "pack", id)), &list))
		assert.Equal(t, []model.Action{model.ActionSkip, model.ActionRun, model.ActionRun}, []model.Action{list[0].Action, list[1].Action, list[2].Action})
		assert.Empty(t, f.status(id).History, "a dry run changes nothing")

		f.ok("resume", "--rerun-from", "pack", id)
		f.process(id)
		s := f.status(id)
		assert.Equal(t, model.Succeeded, s.Status)
		require.Len(t, s.History, 2)
		assert.Equal(t, 2, s.Steps[1].Attempts)
		assert.Contains(t, f.ok("show", id), "2 earlier records of steps, with -o json")
	})
}

func TestResumeSkipsAStep(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"fail":"pack"}`)
	f.process(id)
	assert.Regexp(t, `skip +pack +is recorded as skipped`, f.ok("resume", "--dry-run", "--skip-step", "pack", id))
	f.ok("resume", "--skip-step", "pack", id)
	f.process(id)
	s := f.status(id)
	assert.Equal(t, model.Succeeded, s.Status)
	assert.Equal(t, "a person resumed the job and skipped it", s.Steps[1].Error)
}

func TestResumeFailsForStepsThatAreNotThere(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"fail":"pack"}`)
	f.process(id)
	for _, args := range [][]string{{"resume"}, {"resume", "--dry-run"}} {
		fails := func(more ...string) string { return f.fails(ExitUsage, append(append(args, more...), id)...) }
		assert.Contains(t, fails("--rerun-from", "pak"), `there is no step "pak" to rerun from`)
		assert.Contains(t, fails("--rerun-from", ""), `there is no step "" to rerun from`)
		assert.Contains(t, fails("--rerun-from", "ship"), `step "pack" before step "ship" is recorded as failed: rerun from there, or resume without --rerun-from`)
		assert.Contains(t, fails("--skip-step", "pick"), `step "pick" is recorded as completed: there is nothing to skip`)
		assert.Contains(t, fails("--skip-step", "ship"), `step "ship" has not begun`)
	}
	assert.Equal(t, model.Failed, f.status(id).Status)
}
