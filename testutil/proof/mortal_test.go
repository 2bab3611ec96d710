package proof_test

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// moment is just before or just after one of a process's statements or commits.
type moment struct {
	// What its statement does, and what the steps had done last.
	What, Last string
	After      bool
	// Reads says that the statement does nothing else.
	Reads bool
	// Changed says that something that the process did is committed by now.
	Changed bool
}

func (m moment) String() string {
	name := m.What
	if m.Last != "" {
		name = m.Last + ": " + name
	}
	if m.After {
		return name + ", after"
	}
	return name + ", before"
}

// mortal is a hook with which a process dies at one of these moments, and which writes down
// each of them.
type mortal struct {
	number int // of the moment among those before, or those after; 0 for none
	after  bool
	file   *os.File

	mu           sync.Mutex
	armed        bool
	before, past int
	last         string
	changed      bool
	transactions map[uint64][]string // what they have done
}

// arm makes the moments count from now on.
func (m *mortal) arm() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.armed = true
}

// noted notes what the steps do.
func (m *mortal) noted(e proof.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.What {
	case proof.StepBegan:
		m.last = e.Step + " has begun"
	case proof.StepEnded:
		m.last = e.Step + " has ended"
	}
}

func (m *mortal) Before(_ context.Context, call wire.Call) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if counts(call) && m.armed {
		m.before++
		m.at(call, false, m.before)
	}
	return nil
}

func (m *mortal) After(_ context.Context, call wire.Call, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !counts(call) || errors.Is(err, driver.ErrSkip) {
		return nil
	}
	if err == nil && (call.Kind == wire.Commit || call.Tx == 0 && len(changes(call.Text)) > 0) {
		m.changed = m.armed
	}
	if m.armed {
		m.past++
		m.at(call, true, m.past)
	}
	return nil
}

// counts reports whether the moments around a call count.
func counts(call wire.Call) bool { return call.Kind == wire.Statement || call.Kind == wire.Commit }

// at writes a moment down, and dies if it is the one.
func (m *mortal) at(call wire.Call, after bool, number int) {
	line, err := json.Marshal(moment{
		What: m.does(call, after), Last: m.last, After: after, Changed: m.changed,
		Reads: call.Kind == wire.Statement && len(changes(call.Text)) == 0,
	})
	if err == nil {
		_, err = m.file.Write(append(line, '\n'))
	}
	if err != nil {
		panic(err)
	}
	if m.after == after && m.number == number {
		die()
	}
}

// die ends this process as a crash does.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// does describes a call.
func (m *mortal) does(call wire.Call, after bool) string {
	if call.Kind == wire.Commit {
		return "COMMIT of " + strings.Join(m.transactions[call.Tx], ", ")
	}
	what := purpose(call.Text)
	if call.Tx != 0 && !after && len(changes(call.Text)) > 0 {
		if m.transactions == nil {
			m.transactions = make(map[uint64][]string)
		}
		short, _, _ := strings.Cut(what, ": ")
		m.transactions[call.Tx] = append(m.transactions[call.Tx], short)
	}
	return what
}

// purpose describes a statement: its operation, if it is one of the engine's, and what it
// changes or reads.
func purpose(text string) string {
	what := strings.Join(changes(text), " and ")
	if what == "" {
		what = strings.Join(strings.Fields(read.FindString(text)), " ")
	}
	if what == "" {
		what, _, _ = strings.Cut(strings.TrimSpace(text), " ")
	}
	if op := tag.FindStringSubmatch(text); op != nil {
		return op[1] + ": " + what
	}
	if strings.Contains(text, "proof_effects") {
		return "effect: " + what
	}
	return what
}

var (
	// tag is the comment in which the engine's statements name their operations.
	tag     = regexp.MustCompile(`/\* jobsystem:([a-z-]+) \*/`)
	comment = regexp.MustCompile(`/\*.*?\*/`)
	change  = regexp.MustCompile(`(?i)\b(INSERT(?: IGNORE)? INTO|DELETE FROM|UPDATE|CREATE (?:UNIQUE )?INDEX|CREATE TABLE|ALTER TABLE|DROP TABLE|DROP INDEX)\s+(?:IF (?:NOT )?EXISTS\s+)?["` + "`" + `]?((?:job_|jobs?_|ix_|idx_|uq_|proof_)\w+)`)
	read    = regexp.MustCompile(`(?i)\b(FROM)\s+["` + "`" + `]?\w+`)
)

// changes returns what a statement changes: "UPDATE job_type_lock".
func changes(text string) (all []string) {
	text = strings.Join(strings.Fields(comment.ReplaceAllString(text, "")), " ")
	for _, found := range change.FindAllStringSubmatch(text, -1) {
		one := strings.Join(strings.Fields(strings.ToUpper(found[1])), " ") + " " + found[2]
		if len(all) == 0 || all[len(all)-1] != one {
			all = append(all, one)
		}
	}
	return all
}
