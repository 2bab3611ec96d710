package proof

import "fmt"

// What is wrong with a job.
type What string

// What can be wrong.
const (
	// Lost is a job, a record or an effect that does not exist, or has changed.
	Lost What = "lost"
	// Doubled is what exists or was done twice, or at the same time as what excludes it.
	Doubled What = "doubled"
	// Wedged is what does not continue.
	Wedged What = "wedged"
)

// Finding is something that is not correct.
type Finding struct {
	What What
	Job  string // its id; empty for a lock
	Says string
}

func (f Finding) String() string {
	if f.Job == "" {
		return fmt.Sprintf("%s: %s", f.What, f.Says)
	}
	return fmt.Sprintf("%s: job %s %s", f.What, f.Job, f.Says)
}

func found(what What, job, format string, args ...any) Finding {
	return Finding{what, job, fmt.Sprintf(format, args...)}
}

// Count returns how many findings are of a kind.
func Count(findings []Finding, what What) (n int) {
	for _, f := range findings {
		if f.What == what {
			n++
		}
	}
	return n
}
