package version

import (
	"cmp"
	"context"
	"runtime"
	"runtime/debug"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
)

// modulePath is this module, as a host's build information calls it.
const modulePath = "github.com/ntxdev/jobsystem"

// Command returns the command version.
func Command(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:   "version",
		Usage:  "print the version of this binary",
		Action: app.Action(call, app.ParseNothing, run),
	}
}

func run(_ context.Context, call *app.Call, _ app.Nothing) error {
	b := view.Build{Name: call.Name, Version: call.Host.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		read(&b, info)
	}
	b.Version = cmp.Or(b.Version, "unknown")
	if call.Out.JSON {
		return call.Out.Document(b)
	}
	return call.Out.Print(b.String())
}

// read adds what Go has put into the binary.
func read(b *view.Build, info *debug.BuildInfo) {
	b.Version = cmp.Or(b.Version, info.Main.Version)
	for _, module := range info.Deps {
		if module.Path == modulePath {
			b.Jobsystem = module.Version
		}
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.time":
			b.Time = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
}
