package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// How a job ends is declared while its last step returns, in its process or in another one: a
// decision that was accepted counts, and one that comes too late is an error.
func TestADecisionRacesWithTheEndOfTheRun(t *testing.T) {
	t.Parallel()
	for _, decision := range []model.Status{model.Succeeded, model.Failed} {
		for _, elsewhere := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, elsewhere %v", decision, elsewhere), func(t *testing.T) {
				t.Parallel()
				testdb.EachDSN(t, func(t *testing.T, text string) {
					begun, release, returning := make(chan uuid.UUID), make(chan struct{}), make(chan struct{}, 1)
					d := steps.Define[input]()
					steps.Add(d, "last", func(_ context.Context, run *steps.Run[input]) (string, error) {
						begun <- run.Job().ID
						<-release
						returning <- struct{}{}
						return "its own", nil
					})
					db := testdb.Open(t, text)
					eng := newEngine(t, db, unasked(), d)
					start(t, eng)
					decides := eng
					if elsewhere {
						decides = newEngine(t, testdb.Open(t, text), unasked())
					}
					contest(t, db, raced{
						must: []string{fmt.Sprintf(`done: %s, "decided"`, decision), `rejected: succeeded, "its own"`},
					}, func(o startOrder, _ int) string {
						id := enqueue(t, eng, input{}).ID
						receive(t, begun)
						_, err := o.race(
							side{func() error { release <- struct{}{}; return nil }, func() { ended(t, eng, id) }},
							side{do: func() error {
								if o == together {
									receive(t, returning) // the step is about to return
								}
								if decision == model.Failed {
									return decides.Fail(t.Context(), id, "no", "decided")
								}
								return decides.Succeed(t.Context(), id, "decided")
							}})
						s := ended(t, eng, id)
						if o != together {
							receive(t, returning)
						}
						if s.Status == model.Failed {
							assert.Equal(t, "no", s.Error)
						}
						return fmt.Sprintf("%s: %s, %s", answer(err), s.Status, s.Result)
					})
				})
			})
		}
	}
}
