package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// Follow shows a job until it has ended, and returns its last status. That it was
// deleted before it ran is an [ErrEnded].
func (s *Session) Follow(ctx context.Context, id uuid.UUID, live view.Live) (*model.JobView, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	status, err := s.Jobs.Wait(ctx, id, func(j *model.JobView) {
		if failed = live.Update(j); failed != nil {
			stop() // the output is gone
		}
	})
	switch {
	case failed != nil:
		return nil, failed
	case errors.Is(err, engine.ErrDeleted):
		return nil, JobEnded(fmt.Sprintf("follow job %s: it was deleted", id))
	default:
		return status, err
	}
}
