package execution

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/ntxdev/jobsystem/model"
)

// ending is how a run ends.
type ending struct {
	status model.Status
	err    string
	wake   wake // of a job that waits
}

// wake is when and why a job that waits continues, and the jobs that are enqueued with
// that.
type wake struct {
	at       model.Time
	why      string
	children []*model.Job
	// signal says that the job waits for one: if another has come by the time
	// this is written, it is due at once.
	signal bool
	// cancelled says that the job is cancelled already, and waits for its
	// children to end before it does.
	cancelled bool
}

// seen is the number of signals that the run has seen: with more of them the job is
// due at once.
func (w wake) seen(signals model.Signals) int {
	if !w.signal {
		return math.MaxInt32
	}
	return len(signals)
}

// Decision is how a run is to end, as it was decided from outside its steps.
type Decision struct {
	Status model.Status // succeeded or failed
	Error  string
	Result json.RawMessage
}

var (
	// ErrNotHere is returned for a job that does not run in this process.
	ErrNotHere = errors.New("job does not run in this process")
	// ErrEnding is returned for a decision on a run that has already ended.
	ErrEnding = errors.New("job is ending already")
)
