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

// jobList is the response to GET /jobs.
type jobList struct {
	Jobs []*model.JobView `json:"jobs"`
	// Next is the path of the next page. It is absent on the last page.
	Next string `json:"next,omitempty"`
}

// The default and the maximum number of jobs on a page.
const (
	defaultPage = 50
	maxPage     = 200
)

// list responds with jobs, the newest first. The query may contain limit, before,
// and any number of types and statuses.
func (a *api) list(_ http.ResponseWriter, r *http.Request) (response, error) {
	query := r.URL.Query()
	filter, err := parseFilter(query)
	if err != nil {
		return response{}, badRequest("%w", err)
	}
	limit := filter.Limit
	filter.Limit++ // one more job, to know whether there is a next page
	jobs, err := a.engine.List(r.Context(), filter)
	if err != nil {
		return response{}, err
	}
	out := jobList{Jobs: jobs}
	if len(jobs) > limit {
		out.Jobs = jobs[:limit]
		query.Set("before", out.Jobs[limit-1].ID.String())
		out.Next = "/jobs?" + query.Encode()
	}
	return response{code: http.StatusOK, body: out}, nil
}

// parseFilter parses the query. It returns an error that joins all mistakes.
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
			errs = append(errs, fmt.Errorf("before is %q: want a job id", query.Get("before")))
		}
		filter.Before = id
	}
	return filter, errors.Join(errs...)
}
