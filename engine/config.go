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

// Config holds the settings of an engine. The zero value has the defaults, which suit most
// programs.
type Config struct {
	// Lease is how long a running job belongs to this engine without a renewal. If the
	// engine is killed, other engines can take its jobs over after that. Default 15 s.
	// All engines on one database should have the same value.
	Lease time.Duration
	// Heartbeat is how often leases are renewed, at most half of Lease. Default a third
	// of Lease: 5 s.
	Heartbeat time.Duration
	// Poll is how often the database is queried for due jobs if nothing else wakes the
	// engine. Default 1 s.
	Poll time.Duration
	// Grace is how long running steps may continue to a boundary (their end or a
	// checkpoint) when the engine stops, before their contexts end. Default 10 s;
	// negative for none.
	Grace time.Duration
	// RetryInPlace is the longest delay before another attempt of a failed step during
	// which the job stays processing, and other jobs of its type wait. For a longer delay
	// the job becomes scheduled. Default 5 s; negative for none.
	RetryInPlace time.Duration
	// DeployWindow is how long a job that does not fit the definition registered here is
	// left to engines whose definition it fits: during a rolling deploy, engines of two
	// versions run the same types. After that it fails with an [ErrDrift]. Default 5
	// minutes; negative for none: such a job fails at once.
	DeployWindow time.Duration
	// MaxRunning limits how many jobs run at the same time in this engine. Default 0:
	// one for each registered type.
	MaxRunning int
	// Listener wakes the engine, on PostgreSQL, when another process has enqueued a job
	// or requested a cancel. Without a listener, the engine finds that out at its next
	// poll. See dsn.NewListener. Default none.
	Listener Listener
	// Logger gets the engine's log messages. They contain no inputs, outputs or DSNs.
	// Default slog.Default().
	Logger *slog.Logger
	// Redact hides secrets in what [Client.Redacted] returns, and in the errors in the
	// log. Default none.
	Redact model.Redactor
	// Limits are the largest values that a job may store in its row.
	Limits Limits
	// TablePrefix is what the names of the tables begin with, so that several job
	// systems fit into one database: "crm_" for crm_job_system_jobs. Create them by
	// migrations.TablePrefix. At most 20 lower-case letters, digits and underscores.
	// Default none.
	TablePrefix string
}

// Limits are the largest values that a job may store in its row. A zero field has its
// default. A larger value is an error that names the limit, before anything is written;
// longer texts for people are cut.
type Limits struct {
	Input   int // bytes of a job's input; default 256 KiB
	Output  int // bytes of one step's output, checkpoint or result; default 64 KiB
	Data    int // bytes of the whole document; default 1 MiB
	Steps   int // steps of a plan; default 1,000
	Signals int // signals of a job that no step has used yet; default 1,000
	Message int // characters of a progress message, then cut; default 1,000
	Error   int // characters of an error, then cut; default 4,000
}

// withDefaults returns the settings with their defaults, or all mistakes together.
func (c Config) withDefaults() (Config, error) {
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, c.Lease/3)
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.Grace = max(0, cmp.Or(c.Grace, 10*time.Second))
	c.RetryInPlace = max(0, cmp.Or(c.RetryInPlace, 5*time.Second))
	c.DeployWindow = max(0, cmp.Or(c.DeployWindow, 5*time.Minute))
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
