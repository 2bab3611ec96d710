package steps

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// ChildResults returns the results of the jobs of a [ChildJobs] step, in their order, each
// decoded into an Out: what a job has succeeded with, or the zero Out if it has no result,
// as one that has failed (see [AllowFailures]). Results that were left out of the step's
// output, since there was no room for all of them, are read from the jobs' rows. It returns
// an error if a result does not decode, or if a row that is needed is gone.
//
//	totals, err := steps.ChildResults[int](ctx, run, parcels)
func ChildResults[Out, In any](ctx context.Context, run *Run[In], children *Step[In, []model.ChildResult]) ([]Out, error) {
	results := children.Output(run)
	omitted, err := readOmitted(ctx, run, results)
	if err != nil {
		return nil, fmt.Errorf("results of the jobs of step %q: %w", children.name, err)
	}
	out := make([]Out, len(results))
	for i, result := range results {
		raw := result.Result
		if result.Omitted && raw == nil && result.Status == model.Succeeded {
			if raw = omitted[result.ID]; raw == nil {
				return nil, fmt.Errorf("results of the jobs of step %q: the row of job %s has no result any more", children.name, result.ID)
			}
		}
		if raw == nil {
			continue
		}
		if err := json.Unmarshal(raw, &out[i]); err != nil {
			return nil, fmt.Errorf("results of the jobs of step %q: that of job %s does not fit: %w", children.name, result.ID, err)
		}
	}
	return out, nil
}

// readOmitted reads the results that are not in the step's output.
func readOmitted[In any](ctx context.Context, run *Run[In], results []model.ChildResult) (map[uuid.UUID]json.RawMessage, error) {
	var jobs []uuid.UUID
	for _, result := range results {
		if result.Omitted && result.Result == nil {
			jobs = append(jobs, result.ID)
		}
	}
	if len(jobs) == 0 {
		return nil, nil
	}
	return run.session.ChildResults(ctx, jobs)
}
