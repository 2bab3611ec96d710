package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// side is one of the two calls that race for a job.
type side struct {
	do func() error
	// effect waits until the call has had its effect, for races in which it comes before
	// the other side. It is nil if do waits for that.
	effect func()
}

// startOrder is the order in which the sides of a race begin.
type startOrder int

const (
	firstBefore startOrder = iota
	secondBefore
	together
)

// race makes the calls of two sides, and returns their errors.
func (o startOrder) race(a, b side) (errA, errB error) {
	switch o {
	case firstBefore:
		errA = a.alone()
		errB = b.do()
	case secondBefore:
		errB = b.alone()
		errA = a.do()
	default:
		errs := atOnce(2, func(i int) error { return []side{a, b}[i].do() })
		errA, errB = errs[0], errs[1]
	}
	return errA, errB
}

func (s side) alone() error {
	err := s.do()
	if s.effect != nil {
		s.effect()
	}
	return err
}

// atOnce calls do n times at the same moment: none begins before all are ready.
func atOnce(n int, do func(i int) error) []error {
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	errs := make([]error, n)
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-begin
			errs[i] = do(i)
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
	return errs
}

// raced is what a race may result in, as documented.
type raced struct {
	must []string // outcomes that must occur
	may  []string // outcomes that may occur
}

// contest runs a race in both orders and then many times together. round returns the
// outcome. An outcome that is not documented fails the test, and so do inconsistent tables.
func contest(t *testing.T, db *bun.DB, documented raced, round func(o startOrder, n int) string) {
	t.Helper()
	rounds := 24
	if testing.Short() {
		rounds = 5
	}
	seen := make(map[string]int)
	for n := range 2 + rounds {
		outcome := round(min(startOrder(n), together), n)
		require.Contains(t, slices.Concat(documented.must, documented.may), outcome, "round %d", n)
		seen[outcome]++
		sound(t, db)
	}
	for _, outcome := range documented.must {
		assert.Positive(t, seen[outcome], "never seen: %s", outcome)
	}
	t.Log(seen)
}

// answer returns a word for the error of a side.
func answer(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, engine.ErrStatus):
		return "rejected"
	default:
		return err.Error()
	}
}

const (
	covers = "l.type = j.type AND l.job_id = j.id AND l.attempt = j.attempt AND j.status = 'processing'"

	locksOfNothing  = "SELECT l.type FROM job_type_lock l WHERE l.job_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM job_system_jobs j WHERE " + covers + ")"
	rowsWithoutLock = "SELECT j.name FROM job_system_jobs j WHERE j.status = 'processing' AND NOT EXISTS (SELECT 1 FROM job_type_lock l WHERE " + covers + ")"
)

// sound fails if the tables are inconsistent: a lock that covers nothing, a job that runs
// without a lock, a row whose columns contradict each other.
func sound(t *testing.T, db *bun.DB) {
	t.Helper()
	for what, query := range map[string]string{"locks that cover nothing": locksOfNothing, "jobs that run without a lock": rowsWithoutLock} {
		var found []string
		require.NoError(t, db.NewRaw(query).Scan(t.Context(), &found))
		require.Empty(t, found, what)
	}
	var rows []model.Job
	require.NoError(t, db.NewSelect().Model(&rows).Scan(t.Context()))
	for i := range rows {
		if mistakes := disagreements(&rows[i]); len(mistakes) > 0 {
			require.Empty(t, mistakes, "job %s: %+v %s", rows[i].ID, rows[i], rows[i].Data)
		}
	}
}

// disagreements returns the contradictions in a job's row.
func disagreements(j *model.Job) (mistakes []string) {
	data, err := model.ParseData(j.Data)
	if err != nil {
		return []string{err.Error()}
	}
	not := func(wrong bool, format string, args ...any) {
		if wrong {
			mistakes = append(mistakes, fmt.Sprintf(format, args...))
		}
	}
	not(j.Status.Ended() == j.FinishedAt.IsZero(), "%s, finished at %v", j.Status, j.FinishedAt)
	not(j.Status == model.Processing && !j.DeletedAt.IsZero(), "deleted while it runs")
	not(!j.DeletedAt.IsZero() && j.IdempotencyKey != nil, "deleted with its key")
	not(j.Status == model.Succeeded && (j.Progress != 1 || j.Error != ""), "succeeded, progress %v, error %q", j.Progress, j.Error)
	not(j.Status == model.Failed && j.Error == "", "failed for no reason")
	not(j.Status == model.Cancelled && j.CancelRequestedAt.IsZero(), "cancelled without a request")
	not(j.Status == model.Scheduled && !j.CancelRequestedAt.IsZero() && !plan.CancelNeedsHandler(j), "scheduled with a cancel request that no handler processes")
	not(j.Status.Ended() && j.Status != model.Succeeded && data.Undoing != nil && j.Error == "", "undoing, and ended without a word of it")
	for _, record := range data.Steps {
		not(j.Status == model.Succeeded && !record.Status.Done(), "succeeded with step %q %s", record.Name, record.Status)
		not(j.Status != model.Processing && record.Status == model.StepRunning, "%s with step %q running", j.Status, record.Name)
	}
	return mistakes
}

// ledger counts what steps have done, by job and step, independently of the engine.
type ledger struct {
	mu   sync.Mutex
	done map[string]int
}

func (l *ledger) note(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(map[string]int)
	}
	l.done[key]++
	return l.done[key]
}

func (l *ledger) of(id uuid.UUID, step string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done[id.String()+":"+step]
}
