package cli

import (
	"cmp"
	"context"
	"runtime"
	"runtime/debug"

	urfave "github.com/urfave/cli/v2"
)

// modulePath is this module, as a host's build information calls it.
const modulePath = "github.com/ntxdev/jobsystem"

// build is what is known of how the binary was made.
type build struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Jobsystem string `json:"jobsystem,omitempty"` // this module's version, in a host's binary
	Go        string `json:"go"`
	Platform  string `json:"platform"`
	Revision  string `json:"revision,omitempty"`
	Time      string `json:"time,omitempty"` // of the revision
	Modified  bool   `json:"modified"`       // built from changed files
}

func (inv *invocation) versionCommand() *urfave.Command {
	return &urfave.Command{
		Name:   "version",
		Usage:  "tell the version of this binary",
		Action: action(inv, parseNothing, runVersion),
	}
}

func runVersion(_ context.Context, inv *invocation, _ nothing) error {
	b := build{Name: inv.name, Version: inv.opts.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.read(info)
	}
	b.Version = cmp.Or(b.Version, "unknown")
	return inv.out.result(b, func() error { return inv.out.printf("%s", b) })
}

func (b *build) read(info *debug.BuildInfo) {
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

// String tells the build for people.
func (b build) String() string {
	sheet := &sheet{}
	sheet.add(b.Name, b.Version)
	sheet.add("jobsystem", b.Jobsystem)
	sheet.add("go", b.Go+" "+b.Platform)
	revision := b.Revision
	if b.Modified {
		revision += ", with changes"
	}
	sheet.add("revision", revision)
	sheet.add("of", b.Time)
	return sheet.String()
}
