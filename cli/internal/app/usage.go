package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

// wrong makes a usage error of what parsing a command found.
func wrong(c *urfave.Context, err error) error {
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	return &usageError{command: c.Command.HelpName, err: err}
}

// OnUsageError makes a usage error of what the library found.
func OnUsageError(c *urfave.Context, err error, _ bool) error {
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

// OnNoCommand is the action of the tree, and of commands that only have
// subcommands: it is reached when no subcommand was named, or an unknown one.
func OnNoCommand(c *urfave.Context) error {
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
