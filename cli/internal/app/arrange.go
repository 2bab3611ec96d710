package app

import (
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
)

// Arrange puts a command line into the order that urfave/cli reads: global
// flags, the command, its flags, its arguments. That library stops looking for
// flags at the first argument, so that "enqueue TYPE --data JSON" would have no
// flags at all. It also turns "help list" into "list --help". What it does not
// understand it leaves for the library to complain about.
func Arrange(app *urfave.App, args []string) []string {
	if len(args) == 0 {
		return []string{app.Name}
	}
	a := &arranger{app: app, commands: app.Commands}
	a.read(args[1:])
	a.placeHelp()
	out := append([]string{args[0]}, a.global...)
	if a.globalLacks != "" {
		return append(out, a.globalLacks)
	}
	out = append(out, a.path...)
	out = append(out, a.flags...)
	if a.lacks != "" {
		return append(out, a.lacks)
	}
	if len(a.rest) > 0 {
		out = append(append(out, "--"), a.rest...)
	}
	return out
}

type arranger struct {
	app      *urfave.App
	command  *urfave.Command   // the one whose flags are read; nil for the app
	commands []*urfave.Command // those that the next word may name

	global, path, flags, rest []string
	// lacks and globalLacks are a flag whose value is missing: whatever was put
	// behind it would be taken for that.
	lacks, globalLacks string
	help               bool // is asked for
}

func (a *arranger) read(args []string) {
	for len(args) > 0 {
		word := args[0]
		switch {
		case word == "--":
			a.rest = append(a.rest, args[1:]...)
			return
		case isHelp(word), word == "help" && a.command == nil && len(a.rest) == 0:
			a.help = true
			args = args[1:]
		case isFlag(word):
			args = args[a.flag(args):]
		case len(a.rest) == 0 && a.descend(word):
			args = args[1:]
		default:
			a.rest = append(a.rest, word)
			args = args[1:]
		}
	}
}

func isHelp(word string) bool {
	return word == "--help" || word == "-help" || word == "-h" || word == "--h"
}

// placeHelp puts the flag for help where the library shows that of the command,
// whatever its arguments; and not for a command that does not exist, since it
// would be that of another one.
func (a *arranger) placeHelp() {
	isGroup := len(a.commands) > 0
	switch {
	case !a.help || isGroup && len(a.rest) > 0:
	case a.command == nil:
		a.global = append(a.global, "--help")
	default:
		a.flags, a.rest = []string{"--help"}, nil
	}
}

// isFlag reports whether a word is a flag; "-" is a word, the standard input.
func isFlag(word string) bool { return len(word) > 1 && word[0] == '-' }

// descend moves to the command that the word names, if there is one.
func (a *arranger) descend(word string) bool {
	for _, c := range a.commands {
		if c.HasName(word) {
			a.command, a.commands = c, c.Subcommands
			a.path = append(a.path, word)
			return true
		}
	}
	return false
}

// flag keeps the flag that args begin with, with its value, and returns the
// number of words that these are. A known flag gets its full name: the library
// rejects one that is used by two of its names.
func (a *arranger) flag(args []string) int {
	name, value, hasValue := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
	flag, into := a.lookup(name)
	if flag == nil {
		*into = append(*into, args[0]) // to be complained about
		return 1
	}
	full := "--" + flag.Names()[0]
	switch {
	case hasValue:
		*into = append(*into, full+"="+value)
	case takesValue(flag) && len(args) > 1:
		*into = append(*into, full, args[1])
		return 2
	case takesValue(flag) && into == &a.global:
		a.globalLacks = full
	case takesValue(flag):
		a.lacks = full
	default:
		*into = append(*into, full)
	}
	return 1
}

// lookup finds a flag: the command's own, or a global one, wherever it stands.
func (a *arranger) lookup(name string) (urfave.Flag, *[]string) {
	if a.command == nil {
		return find(a.app.Flags, name), &a.global
	}
	if f := find(a.command.Flags, name); f != nil {
		return f, &a.flags
	}
	if f := find(a.app.Flags, name); f != nil {
		return f, &a.global
	}
	return nil, &a.flags
}

func find(flags []urfave.Flag, name string) urfave.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f urfave.Flag) bool {
	_, isBool := f.(*urfave.BoolFlag)
	return !isBool
}
