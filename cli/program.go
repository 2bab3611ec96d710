package cli

import (
	"regexp"
	"strings"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// program is how a command that is proposed to people begins: with --dsn if
// that named the database, since without it the command would work on another
// one. A password is left out of it; see passwordNote.
func (inv *invocation) program() string {
	switch {
	case !inv.dsnGiven:
		return inv.name
	case dsn.HasSecret(inv.dsn):
		return inv.name + " --dsn " + shellWord(dsn.Redact(inv.dsn))
	default:
		return inv.name + " --dsn " + shellWord(inv.dsn)
	}
}

// passwordNote explains the commands that a text proposes, if they lack the
// password; empty if there is nothing to explain.
func (inv *invocation) passwordNote(text string) string {
	if !inv.dsnGiven || !dsn.HasSecret(inv.dsn) || !strings.Contains(text, inv.program()) {
		return ""
	}
	return "Put the password in for xxxxx; or name the database by $" + dsnVariable + " instead of --dsn."
}

// plainWord is what no shell gives a meaning of its own.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-]+$`)

// shellWord writes a text as one word of a POSIX shell.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
