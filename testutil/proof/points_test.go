package proof_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var (
	every     = flag.Bool("every", false, "try every point, and not a sample")
	sample    = flag.Int("points", 20, "how many points to try on each database, of a third of the scenarios")
	only      = flag.String("scenarios", "", "a regular expression of those to try, in place of that third")
	migrating = flag.Int("migrating", 2, "how many points of migrating up, and of migrating down, to try on each database")
	seed      = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the sample")
)

// A process dies just before, and just after, each of the statements and commits of each of
// its operations. Another process continues, and the end is as without that.
func TestAProcessMayDieAtEachOfItsStatements(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d", *seed)
	var table proof.Table
	t.Cleanup(func() { t.Logf("\n%s", &table) })
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		require.NoError(t, proof.MakeEffects(t.Context(), db))
		_, err := db.NewRaw("CREATE TABLE proof_host (n INTEGER NOT NULL)").Exec(t.Context())
		require.NoError(t, err)
		n := 0
		try := func(p point) (moments []moment, died bool) {
			n++
			tr := newTrial(t, db, text, p.of, n)
			moments, died = tr.play(p)
			at := fmt.Sprintf("%s: %v", p.of.name, moments[len(moments)-1])
			if died {
				table.Add(at, 1, tr.findings, tr.recovered)
			}
			proof.Report(t, at, tr.findings)
			if proof.Count(tr.findings, proof.Wedged) > 0 {
				t.FailNow() // the next point would find what is left of this one
			}
			return moments, died
		}
		rng := rand.New(rand.NewPCG(*seed, uint64(db.Dialect().Name()))) // each database has another sample
		var all []point
		for _, s := range someScenarios(rng) {
			moments, died := try(point{of: s})
			require.False(t, died, s.name)
			for _, p := range points(moments) {
				p.of = s
				all = append(all, p)
			}
		}
		missed := 0
		some := chosen(all, rng, *sample)
		for _, p := range some {
			if _, died := try(p); !died { // the number of statements of a process that runs jobs varies
				missed++
			}
		}
		t.Logf("%d of %d points tried; %d did not come this time", len(some)-missed, len(all), missed)
	})
}

// someScenarios returns a third of the scenarios, those that the flag names, or all.
func someScenarios(rng *rand.Rand) []scenario {
	all := scenarios()
	switch {
	case *only != "":
		return slices.DeleteFunc(all, func(s scenario) bool { return !regexp.MustCompile(*only).MatchString(s.name) })
	case *every:
		return all
	}
	rng.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all[:(len(all)+2)/3]
}

// point is a moment by its number, among those before or those after.
type point struct {
	of     scenario
	number int
	after  bool
	reads  bool // its statement does nothing else
}

// points returns the points that a process without a crash has lived through.
func points(moments []moment) (all []point) {
	counts := map[bool]int{}
	for _, m := range moments {
		counts[m.After]++
		all = append(all, point{number: counts[m.After], after: m.After, reads: m.Reads})
	}
	return all
}

// chosen returns a sample of points, most of them of statements that change something, or
// all of them.
func chosen(all []point, rng *rand.Rand, most int) []point {
	if *every {
		return all
	}
	const one = 8 // one of so many that read
	some := slices.DeleteFunc(slices.Clone(all), func(p point) bool { return p.reads && rng.IntN(one) > 0 })
	rng.Shuffle(len(some), func(i, k int) { some[i], some[k] = some[k], some[i] })
	return some[:min(most, len(some))]
}
