package worker

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// The database has refused a run's record, and the run is about to end in its
// own way before it hears of that: nothing of it is written until it ends with
// the refusal.
func TestARunWhoseRecordIsRefusedEndsInNoOtherWay(t *testing.T) {
	t.Parallel()
	w := New(Config{Log: slog.New(slog.DiscardHandler), Owner: store.Owner{Lease: time.Hour}, Limits: Limits{Error: 100}})
	r := newRun(t.Context(), w, &model.Job{ID: uuid.New(), Type: "test:job", Attempt: 1}, time.Now())
	defer r.close()
	wr := &writer{Worker: w}

	r.giveUp(errors.New("check constraint"))
	refusal := r.change(func() { r.end = model.Succeeded })
	require.ErrorContains(t, refusal, "check constraint")
	require.Empty(t, wr.takeDirty(), "that it has succeeded is not to be written: its record is not there")

	finished := make(chan error, 1)
	go func() { finished <- r.finishBroken(refusal) }()
	var batch []*run
	for len(batch) == 0 {
		select {
		case <-w.signal: // the run is marked, and the writer woken
		case <-time.After(time.Minute):
			require.Fail(t, "the run is not marked")
		}
		batch = wr.takeDirty()
	}
	require.Equal(t, []*run{r}, batch)
	write := r.snapshot()
	assert.Equal(t, model.Failed, write.End)
	assert.Equal(t, "the database refused the job's record: check constraint", write.Error)
	r.written(store.Ack{}, false)
	require.NoError(t, <-finished)
}
