package execution

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// The database has rejected a run's record, and the run is about to end in another way
// before it knows that: it ends with the rejection.
func TestARunWhoseRecordIsRejectedEndsInNoOtherWay(t *testing.T) {
	t.Parallel()
	c := Config{Log: slog.New(slog.DiscardHandler), Owner: store.Owner{Lease: time.Hour}, Limits: plan.Limits{Error: 100}}
	j := journal.New(journal.Config{Log: c.Log, Owner: c.Owner})
	r := newRun(t.Context(), &c, j, nil, &model.Job{ID: uuid.New(), Type: "test:job", Attempt: 1}, time.Now())
	defer r.close()

	r.entry.Reject(errors.New("check constraint"))
	rejection := r.write(func() { r.end = model.Succeeded })
	require.ErrorContains(t, rejection, "check constraint")

	<-j.Wake() // by that write

	finished := make(chan error, 1)
	go func() { finished <- r.finishRejected(rejection) }()
	select {
	case <-j.Wake(): // the run is marked
	case <-time.After(time.Minute):
		require.Fail(t, "the run is not marked")
	}
	write := r.entry.Send()
	assert.Equal(t, model.Failed, write.End)
	assert.Equal(t, "the database rejected the job's record: check constraint", write.Error)
	r.entry.Confirm(store.Ack{}, false)
	require.NoError(t, <-finished)
}
