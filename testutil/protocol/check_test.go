package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/protocol"
)

func model(jobs, steps, engines int, trouble protocol.Trouble, walls protocol.Walls) *protocol.Model {
	return &protocol.Model{Types: 1, Jobs: jobs, Steps: steps, Engines: engines, Trouble: trouble, Walls: walls}
}

func alike(m *protocol.Model) *protocol.Model { m.Alike = true; return m }

// With all walls, nothing that may go wrong breaks a promise. least is the minimum of the
// number of states: a model that can do nothing keeps each promise.
func TestAllPromisesAreKeptInEveryStateThatCanBeReached(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		*protocol.Model
		least int
	}{
		"a statement arrives late and an engine dies":   {model(1, 2, 2, protocol.Trouble{GivenUp: 1, Crashes: 1}, protocol.AllWalls), 30_000},
		"two statements arrive late and an engine dies": {model(1, 2, 1, protocol.Trouble{GivenUp: 2, Crashes: 1}, protocol.AllWalls), 10_000},
		"an answer is lost and an engine dies":          {model(2, 1, 2, protocol.Trouble{Lost: 1, Crashes: 1}, protocol.AllWalls), 50_000},
		"people cancel and resume, and a step fails":    {model(1, 2, 2, protocol.Trouble{Lost: 1, Failures: 1, Cancels: 1, Resumes: 1}, protocol.AllWalls), 40_000},
		"three engines whose leases expire":             {model(2, 1, 3, protocol.Trouble{}, protocol.AllWalls), 10_000},
		"three jobs":                                    {model(3, 1, 2, protocol.Trouble{}, protocol.AllWalls), 10_000},
		"two types":                                     {&protocol.Model{Types: 2, Jobs: 2, Steps: 1, Engines: 1, Trouble: protocol.Trouble{GivenUp: 1, Crashes: 1}, Walls: protocol.AllWalls}, 30_000},
		"renewals fail, and the clocks agree":           {alike(model(2, 1, 2, protocol.Trouble{Guards: 2, Crashes: 1}, protocol.AllWalls)), 20_000},
		"another program deletes the lock row":          {model(2, 1, 2, protocol.Trouble{Deleted: 1}, protocol.AllWalls), 4_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.Check()
			assert.Empty(t, got.Broken, "%s", got)
			assert.Greater(t, got.States, test.least)
			t.Log(got)
		})
	}
}

// Each wall is needed: without it a promise is broken, and the checker finds the shortest
// way to that. Two walls replace each other: without one of them nothing is broken, except
// by what goes around the other.
func TestEachWallKeepsAPromise(t *testing.T) {
	t.Parallel()
	const all = protocol.AllWalls
	die := protocol.Trouble{Crashes: 1}
	for name, test := range map[string]struct {
		*protocol.Model
		broken string   // empty if all promises are kept
		trace  []string // parts of the steps, in their order
	}{
		"no transaction":  {Model: model(2, 1, 2, die, all&^protocol.OneTransaction)},
		"no unique index": {Model: model(2, 1, 2, die, all&^protocol.UniqueIndex)},
		"neither of the two": {
			model(2, 1, 2, die, all&^protocol.OneTransaction&^protocol.UniqueIndex), "2 jobs of type 1 process at a time",
			[]string{"engine 1: claims", "engine 2: claims"},
		},
		"no unique index, and another program deletes the lock row": {
			model(2, 1, 2, protocol.Trouble{Deleted: 1}, all&^protocol.UniqueIndex), "2 jobs of type 1 process at a time",
			[]string{"engine 1: claims", "deletes the lock row", "engine 2: claims"},
		},
		"no lease": {
			model(2, 1, 2, die, all&^protocol.Lease), "jobs cannot end or locks cannot become free",
			[]string{"engine 1: claims", "engine 1 dies"},
		},
		"no fence": {
			model(2, 1, 2, die, all&^protocol.Fence), "a run that was taken over writes into job 1",
			[]string{"engine 1: claims", "gets the answer", "expires", "settles", "engine 1: its last step is done"},
		},
		"no order of writes": {
			model(1, 2, 1, protocol.Trouble{GivenUp: 1}, all&^protocol.Order), "the record of a completed step of job 1 is lost",
			[]string{"claims", "gets the answer", "is given up", "sends its record again", "gets the answer", "a step is done", "late: the write"},
		},
		"no guard": {Model: model(2, 1, 2, die, all&^protocol.Guard)},
		"no guard, and the clocks agree": {
			alike(model(2, 1, 2, die, all&^protocol.Guard)), "2 runs of type 1 work at a time",
			[]string{"engine 1: claims", "gets the answer", "expires", "settles", "engine 2: claims", "gets the answer"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.Check()
			t.Logf("%d states\n%s", got.States, got)
			if test.broken == "" {
				assert.Empty(t, got.Broken)
				return
			}
			assert.Contains(t, got.Broken, test.broken)
			require.Len(t, got.Trace, len(test.trace), "the shortest way")
			for i, part := range test.trace {
				assert.Contains(t, got.Trace[i], part)
			}
		})
	}
}
