package job

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
)

// resumeError is the engine's ErrInvalid about a resume, in the words of the
// command line: the engine's own are for Go.
type resumeError struct {
	err error
	// ofJob: the job cannot be resumed as it is, and no flag is wrong. It is an
	// app.ErrNotResumable then.
	ofJob bool
}

// explainResume returns the error of a resume, with flags or without, for people.
func explainResume(err error, flags bool) error {
	if !errors.Is(err, engine.ErrInvalid) {
		return err
	}
	_, inDoubt := errors.AsType[*engine.InDoubtError](err)
	return &resumeError{err: err, ofJob: !flags || inDoubt}
}

// Error keeps the text in which the engine has wrapped the reason.
func (e *resumeError) Error() string {
	text, reason := inFlags(e.err)
	if reason == nil {
		return e.err.Error()
	}
	wrapping, ok := strings.CutSuffix(e.err.Error(), reason.Error())
	if !ok {
		return e.err.Error() // a secret was taken out of it, which must not come back
	}
	return wrapping + text
}

func (e *resumeError) Unwrap() error { return e.err }

func (e *resumeError) Is(target error) bool { return e.ofJob && target == app.ErrNotResumable }

// inFlags finds the reason in err that names options of the engine, and words it
// with the flags of the command; nil if there is none. It is the one place for
// such errors.
func inFlags(err error) (text string, reason error) {
	if e, ok := errors.AsType[*engine.InDoubtError](err); ok {
		step := view.ShellWord(e.Step)
		return fmt.Sprintf("its process died in the middle of step %q, and whether its effect happened is not known: look, and resume with --rerun-from %s to run it again, or with --skip-step %s to skip it", e.Step, step, step), e
	}
	if e, ok := errors.AsType[*engine.NotDoneError](err); ok {
		return fmt.Sprintf("step %q before step %q is recorded as %s: rerun from there, or resume without --rerun-from", e.Step, e.From, e.Status), e
	}
	return "", nil
}
