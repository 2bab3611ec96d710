package dispatch

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// maxLeft is the number of jobs of one type that an engine leaves to others before it
	// claims none of the type any more, until the time of some of them is over.
	maxLeft = 1000
	// pausePolls is how many polls long an engine pauses with a type of which it has left
	// a job: each other engine that may run one more job polls once within that time.
	// pauseEvery is how many polls are between the beginnings of two pauses.
	pausePolls, pauseEvery = 2, 20
)

// leftJobs holds the jobs that this engine has left to engines with another definition of
// their types. It is safe for concurrent use.
type leftJobs struct {
	poll time.Duration

	mu    sync.Mutex
	types map[string]*leftOfType
}

// leftOfType holds the jobs of one type. An engine with a backlog keeps its types; so that
// another one can claim the jobs that this one has left, it pauses now and then.
type leftOfType struct {
	jobs   map[uuid.UUID]time.Time // until when each is left
	paused time.Time               // when the last pause began
}

// leave notes that a job is left to other engines for that time, and begins a pause with
// its type unless there was one a short time ago.
func (l *leftJobs) leave(jobType string, id uuid.UUID, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of(jobType)
	if of == nil {
		of = &leftOfType{jobs: make(map[uuid.UUID]time.Time)}
		l.types[jobType] = of
	}
	of.jobs[id] = time.Now().Add(d)
	l.pause(of)
}

// of returns the jobs of a type that are still left, or nil. The lock is held.
func (l *leftJobs) of(jobType string) *leftOfType {
	of := l.types[jobType]
	if of == nil {
		return nil
	}
	now := time.Now()
	for id, until := range of.jobs {
		if !until.After(now) {
			delete(of.jobs, id)
		}
	}
	if len(of.jobs) == 0 {
		delete(l.types, jobType)
		return nil
	}
	return of
}

func (l *leftJobs) pause(of *leftOfType) {
	if time.Since(of.paused) >= pauseEvery*l.poll {
		of.paused = time.Now()
	}
}

// shared reports whether jobs of the type are left, so that other engines get a chance to
// claim one between any two jobs of it. From time to time it begins a pause.
func (l *leftJobs) shared(jobType string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.of(jobType)
	if of != nil {
		l.pause(of)
	}
	return of != nil
}

// claimable returns those of the types of which this engine may claim a job now.
func (l *leftJobs) claimable(types []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(types), func(t string) bool {
		of := l.of(t)
		return of != nil && (len(of.jobs) >= maxLeft || time.Since(of.paused) < pausePolls*l.poll)
	})
}

// jobsOf returns the jobs of these types that are left.
func (l *leftJobs) jobsOf(types []string) (jobs []uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range types {
		if of := l.of(t); of != nil {
			for id := range of.jobs {
				jobs = append(jobs, id)
			}
		}
	}
	return jobs
}
