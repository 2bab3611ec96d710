package testutil

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/wire"
)

// A write may wait in the database for the end of a transaction of the same process, whose
// commit therefore must not wait for the write.
func TestWritesOfAProcessThatWillDieDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	d := newDeath(2, true)
	update, commit := wire.Call{Text: "UPDATE jobs SET status = 1"}, wire.Call{Kind: wire.Commit, Tx: 1}
	require.NoError(t, d.Before(t.Context(), update))
	require.NoError(t, d.Before(t.Context(), commit))
	require.NoError(t, d.After(t.Context(), commit, nil))
	assert.False(t, d.isDead())
	require.ErrorIs(t, d.After(t.Context(), update, nil), errDead, "the second to be done")
	assert.True(t, d.isDead())
	assert.ErrorIs(t, d.Before(t.Context(), wire.Call{Text: "SELECT 1"}), errDead)
	assert.NoError(t, d.Before(t.Context(), wire.Call{Kind: wire.Rollback, Tx: 1}))
	d.revive()
	assert.NoError(t, d.Before(t.Context(), commit))
}
