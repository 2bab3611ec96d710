package app

import (
	"strings"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/cli/internal/view"
)

// Program returns how a command begins that is proposed to people: with --dsn and
// --table-prefix if those named the database and its tables, since without them the
// command would work on others. It holds no password; see [Call.PasswordNote].
func (c *Call) Program() string {
	program := c.Name
	if c.dsnGiven {
		database := c.dsn
		if dsn.HasSecret(database) {
			database = dsn.Redact(database)
		}
		program += " --dsn " + view.ShellWord(database)
	}
	if c.prefixGiven {
		program += " --table-prefix " + view.ShellWord(c.Host.Engine.TablePrefix)
	}
	return program
}

// PasswordNote explains the commands that a text proposes, if they lack the
// password; empty if there is nothing to explain.
func (c *Call) PasswordNote(text string) string {
	if !c.dsnGiven || !dsn.HasSecret(c.dsn) || !strings.Contains(text, c.Program()) {
		return ""
	}
	return "Put the password in for xxxxx; or name the database by $" + DSNVariable + " instead of --dsn."
}
