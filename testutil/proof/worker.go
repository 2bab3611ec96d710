package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The variables that make this test binary a process of a fleet: its name chooses what it
// does, and its orders say how.
const (
	roleVariable   = "JOBSYSTEM_PROOF_ROLE"
	ordersVariable = "JOBSYSTEM_PROOF_ORDERS"
)

// Role is a role that a process of a fleet may have.
type Role struct {
	Name string
	Run  func(Orders) error
}

// Orders are the orders of such a process.
type Orders struct {
	DSN      string
	Name     string // of the worker, in its ledger
	Dir      string // where the ledger is
	Settings Settings
	Extra    json.RawMessage `json:",omitempty"` // of the role
}

// Main runs the tests of a package, or that for which a fleet has started this binary: a
// worker, or one of the roles.
//
//	func TestMain(m *testing.M) { proof.Main(m) }
func Main(m *testing.M, roles ...Role) {
	// A machine under test is busy: a slow server is no fault. The processes that are
	// started from here inherit this.
	if err := os.Setenv("PGCONNECT_TIMEOUT", "60"); err != nil {
		panic(err)
	}
	name := os.Getenv(roleVariable)
	if name == "" {
		testdb.Main(m)
		return
	}
	go endWithParent()
	if err := play(name, append(roles, Role{workerRole, worker})); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(name string, roles []Role) error {
	i := slices.IndexFunc(roles, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no role %q: give it to Main", name)
	}
	var orders Orders
	if err := json.Unmarshal([]byte(os.Getenv(ordersVariable)), &orders); err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	return roles[i].Run(orders)
}

// endWithParent ends the process when its parent has ended.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

// Say prints something for which the test waits: see [Fleet.Begin].
func Say(word string) { fmt.Println(word) }

// worker is the role of a process that runs jobs until it is stopped.
func worker(o Orders) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	db, err := dsn.Open(ctx, o.DSN)
	if err != nil {
		return err
	}
	defer db.Close()
	ledger, err := NewLedger(o.Dir, o.Name)
	if err != nil {
		return err
	}
	defer ledger.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	eng, err := NewEngine(db, ledger, o.Settings, log)
	if err != nil {
		return err
	}
	Say(Ready)
	vitals := make(chan error, 1)
	go func() { vitals <- noteVitals(ctx, o) }()
	err = eng.Run(ctx)
	stop()
	return errors.Join(err, <-vitals)
}

const workerRole = "worker"

// Ready is what a process says when it is about to begin.
const Ready = "ready"
