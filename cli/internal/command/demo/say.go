package demo

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/model"
)

// say says what the demo does: on the standard output, unless JSON goes there.
func (d *demo) say(format string, args ...any) error {
	if d.Out.JSON {
		d.Note(format, args...)
		return nil
	}
	return d.Out.Print(fmt.Sprintf(format+"\n", args...))
}

func (d *demo) sayInterrupted(j *model.JobView) error {
	left := max(0, j.LockedUntil.Sub(d.Now())).Round(time.Second)
	return d.say("found job %s, which is being processed: waiting for the killed run's lease to run out (%v)", j.ID, left)
}

func (d *demo) sayResumed(j *model.JobView) error {
	found := view.Ending(j)
	if j.LeaseExpired {
		found = "was interrupted"
	}
	return d.say("found job %s, which %s: continuing with %s", j.ID, found, view.ResumePoint(j.CurrentStep))
}

// sayWhere says where the product of the job lies.
func (d *demo) sayWhere(j *model.JobView) error {
	if err := d.say("job %s has succeeded in %s", j.ID, j.Elapsed); err != nil || d.job.Where == nil {
		return err
	}
	if where := d.job.Where(j); where != "" {
		return d.say("%s", view.CleanLines(where))
	}
	return nil
}
