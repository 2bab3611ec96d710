package eta_test

import (
	"context"
	"iter"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/eta"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// simulated is the input of a job that takes as long as a simulated one.
type simulated struct{ Number uint64 }

func (simulated) JobType() string { return "eta:simulated" }

// define returns the definition of the jobs of a case: each step sleeps for its items.
func define(c eta.Case) *steps.Definition[simulated] {
	d := steps.Define[simulated]()
	for i, phase := range c.Job(0).Phases {
		steps.Add(d, phase.Name, func(ctx context.Context, run *steps.Run[simulated]) (int, error) {
			items := c.Job(run.Input().Number).Phases[i].Items
			return steps.Each(ctx, run, func(skip int) iter.Seq2[time.Duration, error] {
				return func(yield func(time.Duration, error) bool) {
					for _, item := range items[skip:] {
						if !yield(item, nil) {
							return
						}
					}
				}
			}, func(_ context.Context, item time.Duration) error { time.Sleep(item); return nil },
				steps.Total(len(items)), steps.CheckpointInterval(time.Hour))
		}, steps.Weight(phase.Weight), steps.Size(func(in simulated) float64 {
			if c.Known != eta.Declared {
				return 0
			}
			return float64(len(c.Job(in.Number).Phases[i].Items))
		}))
	}
	return d
}

// What a person sees of a job is written once a second, and goes by rows: it is as good as
// the tracker's own estimate.
func TestETAThroughTheEngineInVirtualTime(t *testing.T) {
	t.Parallel()
	const earlier, measured = 3, 3
	for _, c := range []eta.Case{
		{Shape: eta.Constant, Wrong: true, Sigma: 0.7},
		{Shape: eta.LongTail, Wrong: true, Sigma: 0.7, Known: eta.Declared},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := testutil.NewHarness(t, define(c))
			errors := make([][]float64, len(eta.Marks))
			for number := range uint64(earlier + measured) {
				h.Enqueue(simulated{number})
				var look sync.WaitGroup
				if number >= earlier {
					total := c.Job(number).Total()
					look.Go(func() {
						began := time.Now()
						for i, mark := range eta.Marks {
							at := time.Duration(mark * float64(total))
							time.Sleep(at - time.Since(began))
							left := math.Inf(1)
							if s := h.Status(); s.RemainingMS != nil {
								left = float64(*s.RemainingMS) * float64(time.Millisecond)
							}
							truth := float64(total - at)
							errors[i] = append(errors[i], math.Abs(left-truth)/truth)
						}
					})
				}
				require.Equal(t, model.Succeeded, h.Run().Status)
				look.Wait()
			}
			for i := range errors {
				slices.Sort(errors[i])
				limit := 0.05
				if c.Shape == eta.LongTail {
					limit = 0.35
				}
				assert.LessOrEqual(t, errors[i][measured/2], limit, "%s, %s: at %.0f %%: %.2f", c, c.Shape, 100*eta.Marks[i], errors[i])
			}
		})
	}
}
