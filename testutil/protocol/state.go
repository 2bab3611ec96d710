package protocol

// The most of each that a state has room for.
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

// Jobs, engines and types are numbered from 1, so that 0 is none of them. An
// owner is the number of an engine that is up, or a greater one: that of an
// engine which has died.

// lock is a row of job_type_lock. One without a job is free.
type lock struct {
	owner, job, attempt int8
	valid               bool // the lease has not run out
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
	cancel bool // was asked for
}

// run is a run as its engine knows it.
type run struct {
	job, attempt int8
	base         int8 // steps that were done when the job was claimed
	done         int8 // steps that are done here
	number       int8 // of its last write
	end          status
	dirty        bool // the last write has failed, and is to be repeated
	expired      bool // its guard has ended it
}

// statement is what an engine has sent to the database. It takes effect as it is
// sent, unless it is given up: what else happens between the two might as well
// have happened before. Its answer is heard later.
type statement struct {
	kind  kind
	owner int8
	of    int8 // the type of a claim

	// Of a write.
	job, attempt, base, done, number int8
	end                              status

	half bool // of a claim in two transactions: the job is taken, the lock is not

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

// sureness is what an engine knows of claims whose answers it may have missed.
type sureness uint8

const (
	sure      sureness = iota
	mustLook           // before it writes or claims anything
	mightLook          // it has looked, and looks again for a while
)

// engine is one process.
type engine struct {
	up       bool
	sureness sureness
	runs     [maxRuns]run
	waits    statement // whose answer its writer is to hear
}

// state is everything at one moment. It is a value: to copy it is to keep it.
type state struct {
	locks   [maxTypes]lock
	jobs    [maxJobs]job
	engines [maxEngines]engine
	late    [maxLate]statement // given up, and yet to take effect
	// left is what may still go wrong.
	left Trouble
}

// Trouble is how often what may go wrong.
type Trouble struct {
	Crashes  int8 // of engines
	Lost     int8 // answers that do not arrive
	GivenUp  int8 // statements that are given up and may take effect late
	Guards   int8 // runs whose renewals do not get through
	Failures int8 // of steps
	Cancels  int8 // requests
	Resumes  int8 // by people
	Deleted  int8 // lock rows that somebody deletes by hand
}

// Model is what is checked: how many there are of what, what may go wrong, and
// which walls stand.
type Model struct {
	Types, Jobs, Steps, Engines int
	Trouble                     Trouble
	Walls                       Walls
	// Alike says that clocks go alike and nobody pauses: the lease of a run ends
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

// typeOf is the type of a job: they take turns.
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
