package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/command/demo"
)

// A command line that has been put into order is in order, and has lost none of
// its words, unless it asks for help or ends with a flag that lacks its value.
func FuzzArrange(f *testing.F) {
	for _, seed := range []string{
		"enqueue\nTYPE\n--data\n{}", "-o\njson\nlist\n--limit=3", "list\n-n\n3\n--output\njson", "help\nmigrate\nup", "migrate\nup\n-h", "show\n--\n-x\n--help",
		"enqueue\n--data", "-\n--\n--", "--=\n-=x", "signal\nID\nNAME\n-d\n-", "resume\nID\n--rerun-from=a\n--dry-run", "migrate\nsql\n--database\nmysql",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\n")
		tree := Tree(app.NewCall([]string{"shopctl"}, app.Host{}), &demo.Job{})
		once := app.Arrange(tree, append([]string{"shopctl"}, words...))
		require.Equal(t, once, app.Arrange(tree, once), "in order already")
		asksHelp := func(word string) bool { return slices.Contains([]string{"--help", "-help", "--h", "-h", "help"}, word) }
		if slices.ContainsFunc(words, asksHelp) || strings.HasPrefix(words[len(words)-1], "-") {
			return // help is for the command; and a flag without its value is all that there is to complain about
		}
		for _, word := range words {
			if !strings.HasPrefix(word, "-") {
				assert.Contains(t, once, word)
			}
		}
	})
}
