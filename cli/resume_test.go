package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil"
)

func TestResumeFromAStepRunsItAgainAndShowsTheHistory(t *testing.T) {
	t.Parallel()
	testutil.EachDSN(t, func(t *testing.T, text string) {
		b := setupOn(t, text)
		id := b.enqueue(`{"fail":"ship","fixed":true}`)
		b.process(id)
		var list []model.ForecastStep
		require.NoError(t, json.Unmarshal([]byte(b.ok("-o", "json", "resume", "--dry-run", "--from", "pack", id)), &list))
		assert.Equal(t, []model.Does{model.DoesSkip, model.DoesRun, model.DoesRun}, []model.Does{list[0].Does, list[1].Does, list[2].Does})
		assert.Empty(t, b.status(id).History, "a dry run changes nothing")

		b.ok("resume", "--from", "pack", id)
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
	assert.Regexp(t, `skip +pack +is recorded as skipped`, b.ok("resume", "--dry-run", "--past", "pack", id))
	b.ok("resume", "--past", "pack", id)
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
		assert.Contains(t, fails("--from", "pak"), `there is no step "pak" to go on from`)
		assert.Contains(t, fails("--from", ""), `there is no step "" to go on from`)
		assert.Contains(t, fails("--from", "ship"), `step "pack" before step "ship" is recorded as failed: go on from there, or resume without --from`)
		assert.Contains(t, fails("--past", "pick"), `step "pick" is recorded as completed: there is nothing to go past`)
		assert.Contains(t, fails("--past", "ship"), `step "ship" has not begun`)
	}
	assert.Equal(t, model.Failed, b.status(id).Status)
}
