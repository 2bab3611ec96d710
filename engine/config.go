package engine

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Config is how an engine works. Its zero value has the defaults, which are
// right for most.
type Config struct {
	// Lease is how long a running job stays this engine's without a renewal;
	// a killed engine's jobs can be taken over after that. Default 15 s. All
	// engines on one database should have the same.
	Lease time.Duration
	// Heartbeat is how often leases are renewed, at most half a Lease.
	// Default a third of Lease: 5 s.
	Heartbeat time.Duration
	// Poll is how often the database is asked for due jobs when nothing else
	// wakes the engine. Default 1 s.
	Poll time.Duration
	// Grace is how long running steps may go on to a boundary - their end or
	// a checkpoint - when the engine stops, before their contexts end.
	// Default 10 s; negative for none.
	Grace time.Duration
	// RetryInPlace is the longest delay before another attempt of a failed step
	// during which the job stays processing and its type taken; for a longer
	// one the job is scheduled again. Default 5 s; negative for none.
	RetryInPlace time.Duration
	// MaxRunning bounds the jobs that run at once in this engine. Default 0:
	// one for each registered type.
	MaxRunning int
	// Listener, on PostgreSQL, wakes the engine when another process has
	// enqueued a job or asked for one to be cancelled; without one, its next
	// look at the database finds that out. See dsn.NewListener. Default none.
	Listener Listener
	// Logger gets what the engine has to say; no inputs, outputs or DSNs.
	// Default slog.Default().
	Logger *slog.Logger
	// Redact takes secrets out of what people see of jobs: of what
	// [Client.Redacted] returns, and of the errors in the log. Default none.
	Redact model.Redactor
	// Limits bound what a job may keep in its row.
	Limits Limits
}

// Limits bound what a job may keep in its row. A zero field has its default.
// What is too large is refused with an error that names the bound, before
// anything is written; texts for people are cut.
type Limits struct {
	Input   int // bytes of a job's input; default 256 KiB
	Output  int // bytes of one step's output, checkpoint or result; default 64 KiB
	Data    int // bytes of the whole document; default 1 MiB
	Steps   int // steps of a plan; default 1,000
	Signals int // signals of a job that no step has used yet; default 1,000
	Message int // characters of a progress message, then cut; default 1,000
	Error   int // characters of an error, then cut; default 4,000
}

// withDefaults fills in the defaults and reports all mistakes together.
func (c Config) withDefaults() (Config, error) {
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, c.Lease/3)
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.Grace = max(0, cmp.Or(c.Grace, 10*time.Second))
	c.RetryInPlace = max(0, cmp.Or(c.RetryInPlace, 5*time.Second))
	c.Logger = cmp.Or(c.Logger, slog.Default())
	l := &c.Limits
	l.Input = cmp.Or(l.Input, 256<<10)
	l.Output = cmp.Or(l.Output, 64<<10)
	l.Data = cmp.Or(l.Data, 1<<20)
	l.Steps = cmp.Or(l.Steps, 1000)
	l.Signals = cmp.Or(l.Signals, 1000)
	l.Message = cmp.Or(l.Message, 1000)
	l.Error = cmp.Or(l.Error, 4000)

	var errs []error
	const least = time.Millisecond
	if c.Lease < least || c.Heartbeat < least || c.Poll < least {
		errs = append(errs, fmt.Errorf("Lease %v, Heartbeat %v or Poll %v is less than %v", c.Lease, c.Heartbeat, c.Poll, least)) //nolint:staticcheck // names of fields
	}
	if c.Heartbeat > c.Lease/2 {
		errs = append(errs, fmt.Errorf("the Heartbeat of %v is more than half of the Lease of %v: one late renewal would lose the lease", c.Heartbeat, c.Lease))
	}
	if c.MaxRunning < 0 {
		errs = append(errs, fmt.Errorf("MaxRunning %d is negative", c.MaxRunning))
	}
	if min(l.Input, l.Output, l.Data, l.Steps, l.Signals, l.Message, l.Error) < 0 {
		errs = append(errs, errors.New("a field of Limits is negative"))
	}
	if len(errs) > 0 {
		return Config{}, invalid("config: %w", errors.Join(errs...))
	}
	return c, nil
}

func (l Limits) ofPlan() plan.Limits {
	return plan.Limits{Output: l.Output, Data: l.Data, Steps: l.Steps, Signals: l.Signals, Message: l.Message, Error: l.Error}
}
