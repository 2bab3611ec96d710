package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAStatementIsALineWithTheTagOfItsOperation(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 1, 1)
		writes := []store.Write{{Type: types[0], Message: "/* jobsystem:claim */ {now} @", End: model.Succeeded}}
		claim, _ := s.ClaimSQL(types, owner)
		update, _ := s.UpdateSQL(writes)
		flushClaim, _ := s.FlushClaimSQL(writes, owner)
		for op, text := range map[store.Op]string{
			store.OpReady: s.ReadySQL(), store.OpDueTypes: s.DueTypesSQL(), store.OpClaim: claim, store.OpFlush: update, store.OpFlushClaim: flushClaim,
		} {
			if text == "" {
				continue
			}
			if s.Kind() != "postgres" && s.Kind() != "sqlite" && op == store.OpClaim {
				op = store.OpClaimLocks // it begins with these
			}
			assert.Equal(t, op, store.OpOf(text))
			_, rest, _ := strings.Cut(text, " ")
			assert.True(t, strings.HasPrefix(rest, op.Tag()+" "), "after the first word: %s", text)
			assert.NotContains(t, text, "\n")
			assert.NotContains(t, text, "\t")
		}
	})
	assert.Empty(t, store.OpOf("SELECT 1"))
}
