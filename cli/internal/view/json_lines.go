package view

import "github.com/ntxdev/jobsystem/model"

// jsonLines writes a job's status as a line of JSON whenever its row has changed or
// its lease has expired, which changes no row.
type jsonLines struct {
	out  *Printer
	last *model.JobView
}

func (v *jsonLines) Update(j *model.JobView) error {
	if v.last != nil && j.UpdatedAt.Equal(v.last.UpdatedAt.Time) && j.LeaseExpired == v.last.LeaseExpired {
		return nil
	}
	v.last = j
	return v.out.Line(j)
}

func (v *jsonLines) Close() {}
