package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// jobList is the answer of GET /jobs.
type jobList struct {
	Jobs []*model.JobView `json:"jobs"`
	// Next is the address of the page after this one, absent on the last.
	Next string `json:"next,omitempty"`
}

// The number of jobs on a page.
const (
	defaultPage = 50
	maxPage     = 200
)

// list shows jobs, the newest first. The query may repeat type and status, and
// have limit and before.
func (a *api) list(_ http.ResponseWriter, r *http.Request) (answer, error) {
	query := r.URL.Query()
	filter, err := parseFilter(query)
	if err != nil {
		return answer{}, badRequest("%w", err)
	}
	limit := filter.Limit
	filter.Limit++ // one more tells whether there is a next page
	jobs, err := a.engine.List(r.Context(), filter)
	if err != nil {
		return answer{}, err
	}
	out := jobList{Jobs: jobs}
	if len(jobs) > limit {
		out.Jobs = jobs[:limit]
		query.Set("before", out.Jobs[limit-1].ID.String())
		out.Next = "/jobs?" + query.Encode()
	}
	return answer{code: http.StatusOK, body: out}, nil
}

// parseFilter reads the query, and reports all mistakes together.
func parseFilter(query url.Values) (engine.Filter, error) {
	filter := engine.Filter{Types: query["type"], Limit: defaultPage}
	var errs []error
	for _, text := range query["status"] {
		status, err := model.ParseStatus(text)
		filter.Statuses, errs = append(filter.Statuses, status), append(errs, err)
	}
	if query.Has("limit") {
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil || n < 1 || n > maxPage {
			errs = append(errs, fmt.Errorf("limit is %q: want 1 to %d", query.Get("limit"), maxPage))
		}
		filter.Limit = n
	}
	if query.Has("before") {
		id, err := uuid.Parse(query.Get("before"))
		if err != nil {
			errs = append(errs, fmt.Errorf("before is %q: want the id of a job", query.Get("before")))
		}
		filter.Before = id
	}
	return filter, errors.Join(errs...)
}
