package command

import (
	"cmp"
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/command/demo"
	"github.com/ntxdev/jobsystem/cli/internal/command/job"
	"github.com/ntxdev/jobsystem/cli/internal/command/migrate"
	"github.com/ntxdev/jobsystem/cli/internal/command/version"
	"github.com/ntxdev/jobsystem/cli/internal/command/worker"
)

// Run reads a command line and runs its command. There is a command demo if there
// is a job for it.
func Run(ctx context.Context, call *app.Call, args []string, demoJob *demo.Job) error {
	tree := Tree(call, demoJob)
	return tree.RunContext(ctx, app.Arrange(tree, args))
}

// Tree returns the command tree. It is made for each call, and has help flags of
// its own: the library's are variables that all its apps share.
func Tree(call *app.Call, demoJob *demo.Job) *urfave.App {
	tree := &urfave.App{
		Name: call.Name, HelpName: call.Name,
		Usage:     cmp.Or(call.Host.Usage, "durable step-by-step jobs in your own database"),
		UsageText: call.Name + " [global options] command [command options] [arguments]",
		Description: "Exit codes: 0 success, 1 the job failed or was cancelled or its status does not allow this,\n" +
			"2 wrong usage or a database without the tables, 3 no such job, 4 the database cannot be\n" +
			"reached, 130 ended by a signal.",
		Commands: commands(call, demoJob),
		Flags:    append(call.GlobalFlags(), app.HelpFlag()),
		HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Before:         call.ReadGlobals,
		Action:         app.OnNoCommand,
		OnUsageError:   app.OnUsageError,
		ExitErrHandler: func(*urfave.Context, error) {}, // the default one ends the process
		Writer:         call.Out.Writer(),
		ErrWriter:      call.Stderr,
	}
	prepare(tree.Commands)
	return tree
}

// commands returns the commands in the order in which the help lists them.
func commands(call *app.Call, demoJob *demo.Job) []*urfave.Command {
	list := []*urfave.Command{
		worker.Command(call),
		job.Enqueue(call),
		job.List(call),
		job.Show(call),
		job.Watch(call),
		job.Signal(call),
		job.Cancel(call),
		job.Resume(call),
		job.Restart(call),
		job.Delete(call),
		job.Types(call),
		migrate.Command(call),
		version.Command(call),
		help(),
	}
	if demoJob != nil {
		list = append([]*urfave.Command{demo.Command(call, demoJob)}, list...)
	}
	return list
}

// help returns a command that is only there to be listed: app.Arrange turns it into
// a flag.
func help() *urfave.Command {
	return &urfave.Command{Name: "help", Usage: "show help, of a command if one is named", ArgsUsage: "[COMMAND]"}
}

// prepare adds what the library does not hand down from the app to commands.
func prepare(commands []*urfave.Command) {
	for _, c := range commands {
		c.HideHelp = true
		c.OnUsageError = app.OnUsageError
		c.Flags = append(c.Flags, app.HelpFlag())
		if c.Action == nil {
			c.Action = app.OnNoCommand
		}
		prepare(c.Subcommands)
	}
}
