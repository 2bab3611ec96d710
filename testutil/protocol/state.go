package protocol

// The maxima for which a state has room.
const (
	maxTypes   = 2
	maxJobs    = 3
	maxSteps   = 2
	maxEngines = 3
	maxRuns    = 2 // of one engine
	maxLate    = 2
)

// status is the state of a job.
type status uint8

const (
	none status = iota
	scheduled
	processing
	succeeded
	failed
	cancelled
)

func (s status) String() string {
	return [...]string{"none", "scheduled", "processing", "succeeded", "failed", "cancelled"}[s]
}

func (s status) ended() bool { return s >= succeeded }

// Jobs, engines and types are numbered from 1, so that 0 is none of them. An owner is the
// number of an engine that is up, or a greater one for an engine that has died.

// lock is a row of job_type_lock. One without a job is free.
type lock struct {
	owner, job, attempt int8
	valid               bool // the lease has not expired
}

func (l lock) covers(job, attempt int8) bool { return l.job == job && l.attempt == attempt }

// job is a row of job_system_jobs.
type job struct {
	status  status
	attempt int8
	writes  int8 // the number of the last write of the attempt
	done    int8 // steps with a completed record
	// makers are the attempts that have made those records.
	makers [maxSteps]int8
	cancel bool // was requested
}

// run is a run as its engine knows it.
type run struct {
	job, attempt int8
	base         int8 // steps that were done when the job was claimed
	done         int8 // steps that are done here
	number       int8 // of its last write
	end          status
	dirty        bool // the last write has failed, and must be repeated
	expired      bool // its guard has ended it
}

// statement is what an engine has sent to the database. It takes effect when it is sent,
// unless it is given up: what else happens in between could have happened before. Its
// answer arrives later.
type statement struct {
	kind  kind
	owner int8
	of    int8 // the type of a claim

	// Of a write.
	job, attempt, base, done, number int8
	end                              status

	half bool // of a claim in two transactions: the job is claimed, the lock is not

	// The answer: whether the row was the run's, and what was claimed.
	met   bool
	begun [maxTypes]begun
}

// begun is a job that a statement has claimed.
type begun struct{ job, attempt, done int8 }

type kind uint8

const (
	noStatement kind = iota
	claim
	write
	reconcile
)

// certainty is what an engine knows of claims whose answers it may have missed.
type certainty uint8

const (
	certain       certainty = iota
	mustReconcile           // before it writes or claims anything
	mayReconcile            // it has reconciled, and repeats that for a while
)

// engine is one process.
type engine struct {
	up        bool
	certainty certainty
	runs      [maxRuns]run
	waits     statement // for whose answer its writer waits
}

// state is everything at one moment. It is a value: a copy keeps it.
type state struct {
	locks   [maxTypes]lock
	jobs    [maxJobs]job
	engines [maxEngines]engine
	late    [maxLate]statement // given up, and not yet in effect
	// left is what may still go wrong.
	left Trouble
}

// Trouble is how often things may go wrong.
type Trouble struct {
	Crashes  int8 // of engines
	Lost     int8 // answers that do not arrive
	GivenUp  int8 // statements that are given up and may take effect late
	Guards   int8 // runs whose renewals fail
	Failures int8 // of steps
	Cancels  int8 // requests
	Resumes  int8 // by people
	Deleted  int8 // lock rows that another program deletes
}

// Model is what is checked: the numbers of types, jobs, steps and engines, what may go
// wrong, and which walls stand.
type Model struct {
	Types, Jobs, Steps, Engines int
	Trouble                     Trouble
	Walls                       Walls
	// Alike says that the clocks agree and no process pauses: the lease of a run expires
	// after the run's guard has ended it, or its engine has died.
	Alike bool
}

// Walls is a set of what the promises rest on.
type Walls uint8

// The walls; see the package.
const (
	OneTransaction Walls = 1 << iota
	Lease
	Fence
	UniqueIndex
	Order
	Guard

	AllWalls = OneTransaction | Lease | Fence | UniqueIndex | Order | Guard
)

func (w Walls) stand(wall Walls) bool { return w&wall == wall }

// typeOf returns the type of a job: types alternate.
func (m *Model) typeOf(job int8) int { return int(job-1) % m.Types }

func (m *Model) start() state {
	s := state{left: m.Trouble}
	for i := range m.Jobs {
		s.jobs[i].status = scheduled
	}
	for i := range m.Engines {
		s.engines[i].up = true
	}
	return s
}
