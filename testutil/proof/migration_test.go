package proof_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// migratorRole is the role of a process which makes the tables, or drops them.
const migratorRole = "migrator"

type migratorOrders struct {
	Down   bool
	Number int
	After  bool
}

func migrateAs(o proof.Orders) error {
	var orders migratorOrders
	if err := json.Unmarshal(o.Extra, &orders); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(o.Dir, o.Name+momentsSuffix))
	if err != nil {
		return err
	}
	defer file.Close()
	ctx := context.Background()
	plain, err := dsn.Open(ctx, o.DSN)
	if err != nil {
		return err
	}
	hook := &mortal{number: orders.Number, after: orders.After, file: file}
	db := wire.Through(plain, hook)
	defer db.Close()
	hook.arm()
	proof.Say(proof.Ready)
	if orders.Down {
		return migrations.Rollback(ctx, db)
	}
	return migrations.Migrate(ctx, db)
}

// A process that makes the tables, or drops them, dies just before and just after each of
// its statements. The next one finishes that, and jobs run.
func TestAMigrationMayDieAtEachOfItsStatements(t *testing.T) {
	t.Parallel()
	var table proof.Table
	t.Cleanup(func() { t.Logf("\n%s", &table) })
	for _, kind := range testdb.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(*seed, 1))
			for _, down := range []bool{false, true} {
				name := map[bool]string{false: "migrate up", true: "migrate down"}[down]
				try := func(p point) []moment {
					moments, tr := migrate(t, kind, down, p)
					at := fmt.Sprintf("%s: %v", name, moments[len(moments)-1])
					if p.number > 0 {
						table.Add(at, 1, tr.findings, tr.recovered)
					}
					proof.Report(t, at, tr.findings)
					return moments
				}
				for _, p := range chosen(points(try(point{})), rng, *migrating) {
					try(p)
				}
			}
		})
	}
}

// migrate lets a process die at a point of it, and another one continue.
func migrate(t *testing.T, kind testdb.Kind, down bool, p point) ([]moment, *trial) {
	t.Helper()
	ctx, text := t.Context(), testdb.EmptyDSN(t, kind)
	db := testdb.Open(t, text)
	if down {
		require.NoError(t, migrations.Migrate(ctx, db))
	}
	fleet := proof.NewFleet(t, text)
	w := fleet.Begin(migratorRole, proof.Settings{}, migratorOrders{Down: down, Number: p.number, After: p.after})
	err := w.Wait()
	gone := proof.Now()
	if p.number == 0 {
		require.NoError(t, err, w.Log())
	} else {
		require.True(t, w.Killed(), "it has come to that statement: %v", err)
	}
	moments, err := readMoments(fleet.Dir(), w.Name)
	require.NoError(t, err)
	require.NotEmpty(t, moments)
	for down && applied(t, db) {
		require.NoError(t, migrations.Rollback(ctx, db))
	}
	require.NoError(t, migrations.Migrate(ctx, db))
	recovered := proof.Now().Sub(gone)
	require.NoError(t, migrations.Check(ctx, db))

	require.NoError(t, proof.MakeEffects(ctx, db))
	tr := newTrial(t, db, text, scenario{kinds: []proof.Kind{proof.InTx}}, 1)
	defer tr.ledger.Close()
	tr.recovered = recovered
	tr.goOn(0)
	tr.check(nil)
	return moments, tr
}

// applied reports whether any migration is applied.
func applied(t *testing.T, db *bun.DB) bool {
	t.Helper()
	states, err := migrations.Status(t.Context(), db)
	require.NoError(t, err)
	return slices.ContainsFunc(states, migrations.State.Applied)
}
