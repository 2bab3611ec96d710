package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func (b *bench) list(args ...string) (ids []string) {
	b.t.Helper()
	var list []model.JobView
	require.NoError(b.t, json.Unmarshal([]byte(b.ok(append([]string{"-o", "json", "list"}, args...)...)), &list))
	for _, j := range list {
		ids = append(ids, j.ID.String())
	}
	return ids
}

func TestListSelectsJobs(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		b := setupOn(t, text)
		first := b.enqueue(`{}`)
		second := b.enqueue(`{}`)
		other := idOf(t, b.ok("enqueue", "other"))
		gone := b.enqueue(`{}`)
		b.ok("cancel", second)
		b.ok("delete", gone)

		assert.Equal(t, []string{other, second, first}, b.list())
		assert.Equal(t, []string{gone, other, second, first}, b.list("--deleted"))
		assert.Equal(t, []string{second, first}, b.list("--type", orderType))
		assert.Equal(t, []string{other, second, first}, b.list("--type", orderType, "-t", "other"))
		assert.Equal(t, []string{second}, b.list("--status", "cancelled"))
		assert.Equal(t, []string{other, second, first}, b.list("--status", "cancelled,scheduled"))
		assert.Equal(t, []string{other, second, first}, b.list("-s", "cancelled", "-s", "scheduled"))
		assert.Equal(t, []string{other, second}, b.list("--limit", "2"))
		assert.Equal(t, []string{first}, b.list("--limit", "2", "--before", second))
	})
}

func TestListShowsATable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ok("migrate", "up")
	none := b.run("list")
	assert.Empty(t, none.stdout)
	assert.Equal(t, "no jobs\n", none.stderr)
	assert.JSONEq(t, `[]`, b.ok("-o", "json", "list"))

	id := b.enqueue(`{"fail":"pack"}`, "--name", "An \x1b[31morder\nof two")
	b.process(id)
	got := b.run("list", "-n", "1")
	assert.Regexp(t, `ID +TYPE +STATUS +PROGRESS +CREATED +NAME +WHAT`, got.stdout)
	assert.Regexp(t, id+` +shop:order +failed +\d+% 1/3 +20\S+Z +An .\[31morder of two +step "pack": out of stock\n`, got.stdout)
	assert.NotContains(t, got.stdout, "\x1b")
	assert.Contains(t, got.stderr, "there may be more: --before "+id)
}
