package cli

import (
	"errors"
	"regexp"
	"strconv"

	"github.com/ntxdev/jobsystem/engine"
)

// refusal is the engine's refusal to resume a job, in the words of the command
// line: the engine's own are for Go.
type refusal struct {
	err error
	// ofJob: the job is refused as it is, and no flag is wrong. It is an
	// errRefused then.
	ofJob bool
}

// refused makes a refusal of an error about a job that was to be resumed, with
// flags or without.
func refused(err error, flags bool) error {
	if !errors.Is(err, engine.ErrInvalid) {
		return err
	}
	var inDoubt *engine.InDoubtError
	return &refusal{err: err, ofJob: !flags || errors.As(err, &inDoubt)}
}

func (e *refusal) Error() string { return flagWords(e.err.Error()) }

func (e *refusal) Unwrap() error { return e.err }

func (e *refusal) Is(target error) bool { return e.ofJob && target == errRefused }

var (
	goOption  = regexp.MustCompile(`\b(RerunFrom|SkipStep)\(("(?:[^"\\]|\\.)*")\)`)
	goWithout = regexp.MustCompile(`\bwithout RerunFrom\b`)
	flagOf    = map[string]string{"RerunFrom": "--rerun-from", "SkipStep": "--skip-step"}
)

// flagWords writes the engine's options as flags: RerunFrom("pay") as --rerun-from pay.
func flagWords(text string) string {
	text = goOption.ReplaceAllStringFunc(text, func(option string) string {
		parts := goOption.FindStringSubmatch(option)
		step, err := strconv.Unquote(parts[2])
		if err != nil {
			return option
		}
		return flagOf[parts[1]] + " " + shellWord(step)
	})
	return goWithout.ReplaceAllString(text, "without --rerun-from")
}
