package proof_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// actorRole is the role of a process which does what a scenario says, and dies at a moment
// of it.
const actorRole = "actor"

type actorOrders struct {
	Scenario string
	N        int      // the input of the jobs that it enqueues
	Jobs     []string // the ids of the existing jobs
	// Number is the number of the moment at which it dies, from 1, among those before or
	// those after statements; 0 for none.
	Number int
	After  bool
	// DieIn names a step in which it dies, and HoldIn one that does not end; the process
	// says so.
	DieIn, HoldIn string
}

// actor is what such a process works with.
type actor struct {
	db     *bun.DB
	engine *engine.Engine
	ledger *proof.Ledger
	orders actorOrders
}

// holding is what an actor says in the step that does not end.
const holding = "holding"

const momentsSuffix = ".moments"

// actAs is the role.
func actAs(o proof.Orders) error {
	var orders actorOrders
	if err := json.Unmarshal(o.Extra, &orders); err != nil {
		return err
	}
	i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == orders.Scenario })
	if i < 0 {
		return fmt.Errorf("%w: %q", errNoScenario, orders.Scenario)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	file, err := os.Create(filepath.Join(o.Dir, o.Name+momentsSuffix))
	if err != nil {
		return err
	}
	defer file.Close()
	plain, err := dsn.Open(ctx, o.DSN)
	if err != nil {
		return err
	}
	hook := &mortal{number: orders.Number, after: orders.After, file: file}
	db := wire.Through(plain, hook)
	defer db.Close()
	ledger, err := proof.NewLedger(o.Dir, o.Name)
	if err != nil {
		return err
	}
	defer ledger.Close()
	ledger.Noted = func(e proof.Entry) {
		hook.noted(e)
		switch {
		case e.What != proof.StepBegan:
		case e.Step == orders.DieIn:
			die()
		case e.Step == orders.HoldIn:
			proof.Say(holding)
			select {}
		}
	}
	eng, err := proof.NewEngine(db, ledger, o.Settings, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	hook.arm()
	proof.Say(proof.Ready)
	act := scenarios()[i].act
	if act == nil {
		return eng.Run(ctx)
	}
	return act(ctx, &actor{db: db, engine: eng, ledger: ledger, orders: orders})
}

// readMoments reads the moments that an actor has lived through.
func readMoments(dir, name string) (all []moment, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, name+momentsSuffix))
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(raw) {
		var m moment
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}
