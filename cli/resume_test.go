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
		b := setupOn(t, text)
		id := b.enqueue(`{"fail":"ship","fixed":true}`)
		b.process(id)
		var list []model.ForecastStep
		require.NoError(t, json.Unmarshal([]byte(b.ok("-o", "json", "resume", "--dry-run", "--rerun-from", "pack", id)), &list))
		assert.Equal(t, []model.Action{model.ActionSkip, model.ActionRun, model.ActionRun}, []model.Action{list[0].Action, list[1].Action, list[2].Action})
		assert.Empty(t, b.status(id).History, "a dry run changes nothing")

		b.ok("resume", "--rerun-from", "pack", id)
		b.process(id)
		s := b.status(id)
		assert.Equal(t, model.Succeeded, s.Status)
		require.Len(t, s.History, 2)
		assert.Equal(t, 2, s.Steps[1].Attempts)
		assert.Contains(t, b.ok("show", id), "2 earlier records of steps, with -o json")
	})
}

func TestResumePastAStepSkipsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"fail":"pack"}`)
	b.process(id)
	assert.Regexp(t, `skip +pack +is recorded as skipped`, b.ok("resume", "--dry-run", "--skip-step", "pack", id))
	b.ok("resume", "--skip-step", "pack", id)
	b.process(id)
	s := b.status(id)
	assert.Equal(t, model.Succeeded, s.Status)
	assert.Equal(t, "somebody resumed the job behind it", s.Steps[1].Error)
}

func TestResumeRefusesStepsThatAreNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"fail":"pack"}`)
	b.process(id)
	for _, args := range [][]string{{"resume"}, {"resume", "--dry-run"}} {
		fails := func(more ...string) string { return b.fails(ExitUsage, append(append(args, more...), id)...) }
		assert.Contains(t, fails("--rerun-from", "pak"), `there is no step "pak" to go on from`)
		assert.Contains(t, fails("--rerun-from", ""), `there is no step "" to go on from`)
		assert.Contains(t, fails("--rerun-from", "ship"), `step "pack" before step "ship" is recorded as failed: go on from there, or resume without --rerun-from`)
		assert.Contains(t, fails("--skip-step", "pick"), `step "pick" is recorded as completed: there is nothing to go past`)
		assert.Contains(t, fails("--skip-step", "ship"), `step "ship" has not begun`)
	}
	assert.Equal(t, model.Failed, b.status(id).Status)
}
