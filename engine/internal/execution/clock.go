package execution

import (
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// clock is the database's time, measured with this process's monotonic clock: the host's
// wall clock may be wrong or jump.
type clock struct {
	base  time.Time
	since time.Time
}

func (c clock) now() model.Time { return model.TimeOf(c.base.Add(time.Since(c.since))) }
