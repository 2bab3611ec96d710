package app

import (
	"fmt"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"
)

// NoArguments returns an error if there are arguments.
func NoArguments(c *urfave.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("unexpected argument %q: %s takes none", c.Args().First(), c.Command.HelpName)
	}
	return nil
}

// Nothing is what a command without flags and arguments is asked for.
type Nothing struct{}

// ParseNothing is the first half of such a command: see [Action].
func ParseNothing(c *urfave.Context) (Nothing, error) { return Nothing{}, NoArguments(c) }

// OneArgument returns the argument of a command that takes exactly one.
func OneArgument(c *urfave.Context, what string) (string, error) {
	switch {
	case c.Args().Len() > 1:
		return "", fmt.Errorf("unexpected argument %q: %s takes one %s", c.Args().Get(1), c.Command.HelpName, what)
	case c.Args().First() == "":
		return "", fmt.Errorf("%s is missing", what)
	default:
		return c.Args().First(), nil
	}
}

// JobArgument returns the job id of a command that takes exactly one.
func JobArgument(c *urfave.Context) (uuid.UUID, error) {
	text, err := OneArgument(c, "job ID")
	if err != nil {
		return uuid.Nil, err
	}
	return ParseID(text)
}

// ParseID reads a job id.
func ParseID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fmt.Errorf("%q is not a job ID: want a whole one, such as 0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f", text)
	}
	return id, nil
}
