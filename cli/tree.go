package cli

import (
	"cmp"
	"context"
	"fmt"

	urfave "github.com/urfave/cli/v2"
)

const (
	dsnVariable = "JOBSYSTEM_DSN"
	defaultDSN  = "jobsystem.db"
)

// execute reads the command line and runs the command.
func (inv *invocation) execute(ctx context.Context, args []string) error {
	app := inv.app()
	return app.RunContext(ctx, arrange(app, args))
}

// app is the command tree. It is made anew for each invocation, and has help
// flags of its own: the library's are variables that all its apps share.
func (inv *invocation) app() *urfave.App {
	app := &urfave.App{
		Name: inv.name, HelpName: inv.name,
		Usage:     cmp.Or(inv.opts.Usage, "durable step-by-step jobs in your own database"),
		UsageText: inv.name + " [global options] command [command options] [arguments]",
		Description: "Exit codes: 0 success, 1 the job failed or was cancelled or its status does not allow this,\n" +
			"2 wrong usage or a database without the tables, 3 no such job, 4 the database cannot be\n" +
			"reached, 130 ended by a signal.",
		Commands: inv.commands(),
		Flags:    append(inv.globalFlags(), helpFlag()),
		HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Before:         inv.readGlobals,
		Action:         onNoCommand,
		OnUsageError:   onUsageError,
		ExitErrHandler: func(*urfave.Context, error) {}, // the default one ends the process
		Writer:         inv.out.w,
		ErrWriter:      inv.stderr,
	}
	prepare(app.Commands)
	return app
}

func helpFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
}

// prepare makes what the library does not hand down from the app to commands.
func prepare(commands []*urfave.Command) {
	for _, c := range commands {
		c.HideHelp = true
		c.OnUsageError = onUsageError
		c.Flags = append(c.Flags, helpFlag())
		if c.Action == nil {
			c.Action = onNoCommand
		}
		prepare(c.Subcommands)
	}
}

func (inv *invocation) commands() []*urfave.Command {
	list := []*urfave.Command{
		inv.workerCommand(),
		inv.enqueueCommand(),
		inv.listCommand(),
		inv.showCommand(),
		inv.watchCommand(),
		inv.signalCommand(),
		inv.cancelCommand(),
		inv.resumeCommand(),
		inv.restartCommand(),
		inv.deleteCommand(),
		inv.typesCommand(),
		inv.migrateCommand(),
		inv.versionCommand(),
		helpCommand(),
	}
	if inv.opts.Demo != nil {
		list = append([]*urfave.Command{inv.demoCommand()}, list...)
	}
	return list
}

// helpCommand is only there to be listed: arrange turns it into a flag.
func helpCommand() *urfave.Command {
	return &urfave.Command{Name: "help", Usage: "show help, of a command if one is named", ArgsUsage: "[COMMAND]"}
}

func (inv *invocation) globalFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{
			// The variable is read by readGlobals and not by the library, which
			// would take an empty one for an empty DSN.
			Name:        "dsn",
			Usage:       "the database as `URL`: sqlite://FILE, postgres://… or mysql://…, or the path of a SQLite file; also $" + dsnVariable,
			DefaultText: inv.defaultDSN(),
		},
		&urfave.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "write results as `FORMAT`: table or json", DefaultText: "table"},
	}
}

// defaultDSN is what the database is without flag and variable, fit for help.
func (inv *invocation) defaultDSN() string {
	return inv.secret.hide(cmp.Or(inv.opts.DSN, defaultDSN))
}

func (inv *invocation) readGlobals(c *urfave.Context) error {
	inv.dsn = cmp.Or(inv.getenv(dsnVariable), inv.opts.DSN, defaultDSN)
	if inv.dsnGiven = c.IsSet("dsn"); inv.dsnGiven {
		inv.dsn = c.String("dsn") // an empty one too: it is an error, not the default
	}
	switch format := c.String("output"); format {
	case "table":
	case "json":
		inv.out.json = true
	default:
		return wrong(c, fmt.Errorf("unknown output format %q: want table or json", format))
	}
	return nil
}

// action makes a command's action of its two halves: parse reads the flags and
// arguments and touches nothing else; run does the work.
func action[T any](inv *invocation, parse func(*urfave.Context) (T, error), run func(context.Context, *invocation, T) error) urfave.ActionFunc {
	return func(c *urfave.Context) error {
		request, err := parse(c)
		if err != nil {
			return wrong(c, err)
		}
		return run(c.Context, inv, request)
	}
}
