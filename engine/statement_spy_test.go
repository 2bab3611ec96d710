package engine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// openHooked opens the database at an address, with a hook that sees each of its calls.
func openHooked(t *testing.T, text string, hook wire.Hook) *bun.DB {
	t.Helper()
	db := wire.Through(testdb.Open(t, text), hook)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// openSpied is openHooked with a function that sees each call before it is made.
func openSpied(t *testing.T, text string, spy func(wire.Call)) *bun.DB {
	t.Helper()
	return openHooked(t, text, wire.BeforeFunc(func(_ context.Context, call wire.Call) error {
		spy(call)
		return nil
	}))
}
