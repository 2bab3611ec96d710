package proof_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The defaults of an engine's settings.
const (
	defaultLease     = 15 * time.Second
	defaultHeartbeat = 5 * time.Second
)

// A worker is killed during a run. Another one, which runs already, has settled that job
// and begun the type's next one no later than a lease and a heartbeat after that, with the
// default settings.
func TestAnotherEngineGoesOnWithinALeaseAndAHeartbeat(t *testing.T) {
	t.Parallel()
	var table proof.Table
	t.Cleanup(func() { t.Logf("\n%s", &table) })
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		require.NoError(t, proof.MakeEffects(t.Context(), db))
		measure := func(n int, s proof.Settings) time.Duration {
			lease, heartbeat := cmp.Or(s.Lease, defaultLease), cmp.Or(s.Heartbeat, defaultHeartbeat)
			s.Types = []string{proof.ByHand.Type(0)}
			tr := newTrial(t, db, text, scenario{kinds: []proof.Kind{proof.ByHand, proof.ByHand}}, n)
			defer tr.ledger.Close()
			watch := proof.NewWatch(db)
			defer watch.Keep(t, 50*time.Millisecond)()
			victim := tr.fleet.Begin(actorRole, s, actorOrders{Scenario: "run two of a type", HoldIn: "first"})
			require.NoError(t, victim.Await(holding))
			other := tr.fleet.Start(s)
			pause(t, rand.N(lease/15)) // the moment is random
			killed := proof.Now()
			victim.Kill()
			require.NoError(t, proof.Await(t.Context(), db, tr.client, tr.jobs))
			require.NoError(t, other.Stop())
			ledger, err := proof.ReadLedgers(tr.fleet.Dir())
			require.NoError(t, err)
			i := slices.IndexFunc(ledger, func(e proof.Entry) bool { return e.What == proof.RunBegan && e.Worker == other.Name })
			require.GreaterOrEqual(t, i, 0)
			took := ledger[i].At.Sub(killed)
			found, err := proof.Check(t.Context(), proof.Evidence{
				DB: db, Jobs: tr.jobs, Watch: watch, Ledger: ledger, Fleets: []*proof.Fleet{tr.fleet}, Lease: lease, Heartbeat: heartbeat,
			})
			require.NoError(t, err)
			proof.Report(t, "killed in the middle of a run", found)
			table.Add(fmt.Sprintf("%s: SIGKILL in the middle of a run, lease %v, heartbeat %v", db.Dialect().Name(), lease, heartbeat), 1, found, took)
			t.Logf("with a lease of %v and a heartbeat of %v: %v until the next run of the type, %.2f of the bound",
				lease, heartbeat, took.Round(time.Millisecond), float64(took)/float64(lease+heartbeat))
			return took
		}
		for n := range 3 {
			measure(n, proof.Settings{Lease: time.Second, Heartbeat: 300 * time.Millisecond})
		}
		assert.LessOrEqual(t, measure(3, proof.Settings{}), defaultLease+defaultHeartbeat)
	})
}
