package proof

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// Await waits until all jobs have ended, and resumes, as a person would, those that have
// failed because their process died. [Check] finds the jobs that have not ended when ctx
// does; the error is that of the database.
func Await(ctx context.Context, db *bun.DB, client *engine.Client, jobs []Job) error {
	open := make(map[string]bool, len(jobs))
	for _, job := range jobs {
		open[job.ID] = true
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if err := resumeSome(ctx, db, client, open); err != nil && ctx.Err() == nil {
			return err
		}
		if len(open) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}

// interrupted is the begin of the error of a job whose process died.
const interrupted = "interrupted"

// resumeSome removes from open the jobs that have ended for good, and resumes others.
func resumeSome(ctx context.Context, db *bun.DB, client *engine.Client, open map[string]bool) error {
	ids := make([]string, 0, len(open))
	for id := range open {
		if ids = append(ids, id); len(ids) == 200 {
			break
		}
	}
	var rows []struct {
		ID     string       `bun:"id"`
		Status model.Status `bun:"status"`
		Error  string       `bun:"error"`
	}
	err := db.NewRaw("SELECT j.id, j.status, j.error FROM job_system_jobs j WHERE j.id IN (?)", bun.List(ids)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read job_system_jobs: %w", err)
	}
	there := make(map[string]bool, len(rows))
	for _, r := range rows {
		there[r.ID] = true
		switch {
		case r.Status == model.Failed && strings.HasPrefix(r.Error, interrupted):
			err := client.Resume(ctx, uuid.MustParse(r.ID))
			var status *engine.StatusError
			if err != nil && !errors.As(err, &status) { // it was resumed already
				return err
			}
		case r.Status.Ended():
			delete(open, r.ID)
		}
	}
	for _, id := range ids {
		if !there[id] {
			delete(open, id) // Check reports it
		}
	}
	return nil
}
