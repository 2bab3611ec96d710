package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"
)

// wrong makes a usage error of what parsing a command found.
func wrong(c *urfave.Context, err error) error {
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	return &usageError{command: c.Command.HelpName, err: err}
}

// onUsageError makes one of what the library found.
func onUsageError(c *urfave.Context, err error, _ bool) error {
	text := err.Error()
	if name, found := strings.CutPrefix(text, "flag provided but not defined: -"); found {
		err = fmt.Errorf("unknown flag %s%s", flagName(name), didYouMean(suggestFlag(slices.Concat(c.Command.Flags, c.App.Flags), name)))
	}
	return wrong(c, err)
}

func flagName(name string) string {
	if len(name) > 1 {
		return "--" + name
	}
	return "-" + name
}

// onNoCommand is the action of the app, and of commands that only have
// subcommands: it is reached when no subcommand was named, or an unknown one.
func onNoCommand(c *urfave.Context) error {
	if !c.Args().Present() {
		return wrong(c, fmt.Errorf("no command: want one of %s", strings.Join(commandNames(c.Command), ", ")))
	}
	name := c.Args().First()
	return wrong(c, fmt.Errorf("unknown command %q: want one of %s", name, strings.Join(commandNames(c.Command), ", ")))
}

func commandNames(c *urfave.Command) []string {
	var names []string
	for _, sub := range c.Subcommands {
		names = append(names, sub.Name)
	}
	return names
}

// noArguments refuses arguments.
func noArguments(c *urfave.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("unexpected argument %q: %s takes none", c.Args().First(), c.Command.HelpName)
	}
	return nil
}

// oneArgument returns the argument of a command that takes exactly one.
func oneArgument(c *urfave.Context, what string) (string, error) {
	switch {
	case c.Args().Len() > 1:
		return "", fmt.Errorf("unexpected argument %q: %s takes one %s", c.Args().Get(1), c.Command.HelpName, what)
	case c.Args().First() == "":
		return "", fmt.Errorf("%s is missing", what)
	default:
		return c.Args().First(), nil
	}
}

// jobArgument returns the job id of a command that takes exactly one.
func jobArgument(c *urfave.Context) (uuid.UUID, error) {
	text, err := oneArgument(c, "job ID")
	if err != nil {
		return uuid.Nil, err
	}
	return parseID(text)
}

func parseID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fmt.Errorf("%q is not a job ID: want a whole one, such as 0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f", text)
	}
	return id, nil
}
