package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func (f *fixture) list(args ...string) (ids []string) {
	f.t.Helper()
	var list []model.JobView
	require.NoError(f.t, json.Unmarshal([]byte(f.ok(append([]string{"-o", "json", "list"}, args...)...)), &list))
	for _, j := range list {
		ids = append(ids, j.ID.String())
	}
	return ids
}

func TestListSelectsJobs(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		first := f.enqueue(`{}`)
		second := f.enqueue(`{}`)
		other := idOf(t, f.ok("enqueue", "other"))
		gone := f.enqueue(`{}`)
		f.ok("cancel", second)
		f.ok("delete", gone)

		assert.Equal(t, []string{other, second, first}, f.list())
		assert.Equal(t, []string{gone, other, second, first}, f.list("--deleted"))
		assert.Equal(t, []string{second, first}, f.list("--type", orderType))
		assert.Equal(t, []string{other, second, first}, f.list("--type", orderType, "-t", "other"))
		assert.Equal(t, []string{second}, f.list("--status", "cancelled"))
		assert.Equal(t, []string{other, second, first}, f.list("--status", "cancelled,scheduled"))
		assert.Equal(t, []string{other, second, first}, f.list("-s", "cancelled", "-s", "scheduled"))
		assert.Equal(t, []string{other, second}, f.list("--limit", "2"))
		assert.Equal(t, []string{first}, f.list("--limit", "2", "--before", second))
	})
}

func TestListShowsATable(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.ok("migrate", "up")
	none := f.run("list")
	assert.Empty(t, none.stdout)
	assert.Equal(t, "no jobs\n", none.stderr)
	assert.JSONEq(t, `[]`, f.ok("-o", "json", "list"))

	id := f.enqueue(`{"fail":"pack"}`, "--name", "An \x1b[31morder\nof two")
	f.process(id)
	got := f.run("list", "-n", "1")
	assert.Regexp(t, `ID +TYPE +STATUS +PROGRESS +CREATED +NAME +WHAT`, got.stdout)
	assert.Regexp(t, id+` +shop:order +failed +\d+% 1/3 +20\S+Z +An .\[31morder of two +step "pack": out of stock\n`, got.stdout)
	assert.NotContains(t, got.stdout, "\x1b")
	assert.Contains(t, got.stderr, "there may be more: --before "+id)
}
