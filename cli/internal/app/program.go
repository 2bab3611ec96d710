package app

import (
	"strings"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/cli/internal/view"
)

// Program returns how a command begins that is proposed to people: with --dsn if
// that named the database, since without it the command would work on another
// one. It holds no password; see [Call.PasswordNote].
func (c *Call) Program() string {
	if !c.dsnGiven {
		return c.Name
	}
	database := c.dsn
	if dsn.HasSecret(database) {
		database = dsn.Redact(database)
	}
	return c.Name + " --dsn " + view.ShellWord(database)
}

// PasswordNote explains the commands that a text proposes, if they lack the
// password; empty if there is nothing to explain.
func (c *Call) PasswordNote(text string) string {
	if !c.dsnGiven || !dsn.HasSecret(c.dsn) || !strings.Contains(text, c.Program()) {
		return ""
	}
	return "Put the password in for xxxxx; or name the database by $" + DSNVariable + " instead of --dsn."
}
