package proof

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// What an entry of a ledger says.
const (
	RunBegan  = "run"   // an engine has claimed a job and begins to run it
	RunOver   = "over"  // the context of that run has ended
	StepBegan = "begin" // a step's function was called
	StepEnded = "end"   // a step's function returns
)

// Entry is a line of a ledger: what a run did, and when.
type Entry struct {
	At     Moment `json:"at"`
	What   string `json:"what"`
	Worker string `json:"worker"` // a process, or an engine of the test's own
	Type   string `json:"type"`
	Job    string `json:"job"`
	// Run is the job's attempt: the number of its claim.
	Run int64 `json:"run"`
	// Step is empty for the run as a whole; for the undo of a step it is "undo " and its
	// name.
	Step string `json:"step,omitempty"`
	// Try is the step's own attempt.
	Try   int    `json:"try,omitempty"`
	Error string `json:"error,omitempty"`
	// Claimed is when the run was claimed, by the database's clock.
	Claimed time.Time `json:"claimed,omitzero"`
}

// Ledger is a file in which a worker notes what its steps do. Each entry is in the file
// when the note returns: it survives the process, but not the machine. It is safe for
// concurrent use.
type Ledger struct {
	// Noted is called, if not nil, after each entry is in the file: by a process that does
	// something at that moment. It must be set before the ledger is used.
	Noted func(Entry)

	file   *os.File
	worker string
	runs   sync.WaitGroup // whose contexts have not ended
	pace   time.Duration  // see Settings
}

const ledgerSuffix = ".ledger"

// NewLedger begins or continues the ledger of a worker in a folder.
func NewLedger(dir, worker string) (*Ledger, error) {
	file, err := os.OpenFile(filepath.Join(dir, worker+ledgerSuffix), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &Ledger{file: file, worker: worker}, nil
}

// Close closes the file, once the contexts of all runs have ended. The engine must have
// returned before.
func (l *Ledger) Close() error {
	l.runs.Wait()
	return l.file.Close()
}

// note appends an entry, in one write.
func (l *Ledger) note(e Entry) {
	e.At, e.Worker = Now(), l.worker
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		panic("write the ledger: " + err.Error()) // what is not noted cannot be checked
	}
	if l.Noted != nil {
		l.Noted(e)
	}
}

// run notes that a run begins, and when its context ends.
func (l *Ledger) run(ctx context.Context, job *model.Job) (context.Context, error) {
	e := Entry{What: RunBegan, Type: job.Type, Job: job.ID.String(), Run: job.Attempt, Claimed: job.StartedAt.Time}
	l.note(e)
	e.What, e.Claimed = RunOver, time.Time{}
	l.runs.Add(1)
	context.AfterFunc(ctx, func() {
		defer l.runs.Done()
		e.Error = context.Cause(ctx).Error()
		l.note(e)
	})
	return ctx, nil
}

// ReadLedgers reads the ledgers of all workers in a folder, the oldest entry first. A last
// line that is incomplete because its writer died is left out.
func ReadLedgers(dir string) ([]Entry, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+ledgerSuffix))
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, name := range files {
		entries, err := readLedger(name)
		if err != nil {
			return nil, errors.Join(errors.New("read ledger "+filepath.Base(name)), err)
		}
		all = append(all, entries...)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return int(a.At.Sub(b.At)) })
	return all, nil
}

// ReadLedger reads the ledger of one worker.
func ReadLedger(dir, worker string) ([]Entry, error) {
	return readLedger(filepath.Join(dir, worker+ledgerSuffix))
}

func readLedger(name string) (entries []Entry, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for reader := bufio.NewReader(file); ; {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
}
