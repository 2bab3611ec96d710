package app

import (
	"cmp"
	"errors"
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/model"
)

// GlobalFlags returns the flags of all commands.
func (c *Call) GlobalFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{
			// The variable is read by ReadGlobals and not by the library, which
			// would take an empty one for an empty DSN.
			Name:        "dsn",
			Usage:       "the database as `URL`: sqlite://FILE, postgres://… or mysql://…, or the path of a SQLite file; also $" + DSNVariable,
			DefaultText: c.Hide(cmp.Or(c.Host.DSN, DefaultDSN)),
		},
		&urfave.DurationFlag{Name: "connect-timeout", DefaultText: dsn.ConnectTimeout.String() + ", or what the DSN says",
			Usage: "wait at most `DURATION` for the database to answer"},
		&urfave.StringFlag{
			Name:        "table-prefix",
			Usage:       "what the names of the tables begin with: `TEXT`; also $" + PrefixVariable,
			DefaultText: cmp.Or(c.Host.Engine.TablePrefix, "none"),
		},
		&urfave.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "write results as `FORMAT`: table or json", DefaultText: "table"},
	}
}

// ReadGlobals reads the flags of all commands into the call.
func (c *Call) ReadGlobals(flags *urfave.Context) error {
	c.dsn = cmp.Or(c.getenv(DSNVariable), c.Host.DSN, DefaultDSN)
	if c.dsnGiven = flags.IsSet("dsn"); c.dsnGiven {
		c.dsn = flags.String("dsn") // an empty one too: it is an error, not the default
	}
	if c.connectTimeout = flags.Duration("connect-timeout"); c.connectTimeout <= 0 && flags.IsSet("connect-timeout") {
		return wrong(flags, fmt.Errorf("--connect-timeout %v is not a time to wait: want one such as 10s", c.connectTimeout))
	}
	prefix := &c.Host.Engine.TablePrefix
	*prefix = cmp.Or(c.getenv(PrefixVariable), *prefix)
	if c.prefixGiven = flags.IsSet("table-prefix"); c.prefixGiven {
		*prefix = flags.String("table-prefix")
	}
	if _, err := model.TablesWithPrefix(*prefix); err != nil {
		return wrong(flags, err)
	}
	switch format := flags.String("output"); format {
	case "table":
	case "json":
		c.Out.JSON = true
	default:
		return wrong(flags, fmt.Errorf("unknown output format %q: want table or json", format))
	}
	return nil
}

// HelpFlag returns the flag that every command has.
func HelpFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
}

// WaitFlag returns the flag of commands that can follow their job.
func WaitFlag(ending string) urfave.Flag {
	return &urfave.BoolFlag{Name: "wait", Aliases: []string{"w"}, DisableDefaultText: true,
		Usage: "follow the job until it ends, as watch does; " + ending}
}

// DataFlag returns the flag of commands that read JSON: see [Call.ReadData].
func DataFlag(what, otherwise string) urfave.Flag {
	return &urfave.StringFlag{Name: "data", Aliases: []string{"d"}, Usage: what + ": `JSON`, @FILE or - for the standard input", DefaultText: otherwise}
}

// CheckData returns an error if that flag is given with nothing.
func CheckData(flags *urfave.Context) error {
	if flags.IsSet("data") && flags.String("data") == "" {
		return errors.New("--data is empty: want JSON, such as {} or null")
	}
	return nil
}

// ByFlag returns the flag of commands that record who has asked for something.
func ByFlag(who string) urfave.Flag {
	return &urfave.StringFlag{Name: "by", Usage: "the `NAME` of " + who + ", as recorded with the job", DefaultText: "the user of the operating system"}
}

// By returns the value of that flag.
func By(flags *urfave.Context) string {
	if flags.IsSet("by") {
		return flags.String("by")
	}
	return OSUser()
}
