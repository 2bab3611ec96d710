package cli

import "github.com/ntxdev/jobsystem/cli/internal/app"

// The exit codes; the package says what each stands for.
const (
	ExitOK          = app.ExitOK          // 0
	ExitFailed      = app.ExitFailed      // 1
	ExitUsage       = app.ExitUsage       // 2
	ExitNotFound    = app.ExitNotFound    // 3
	ExitUnreachable = app.ExitUnreachable // 4
	ExitInterrupted = app.ExitInterrupted // 130
)
