package app

import (
	"fmt"
	"math"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

func didYouMean(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean --%s?", suggestion)
}

// suggestFlag returns the name that a mistyped one is nearest to, empty if it
// is near none. The library's own suggestion is the nearest of all, however
// far that is.
func suggestFlag(flags []urfave.Flag, mistyped string) string {
	nearest, least := "", math.MaxInt
	for _, flag := range flags {
		for _, name := range flag.Names() {
			if d := typos(mistyped, name); isNear(mistyped, name, d) && d < least {
				nearest, least = name, d
			}
		}
	}
	return nearest
}

// isNear reports whether a name with that many typos may be meant: people get
// its first letter right, and most of the others, or leave off its end. One
// letter is near to anything.
func isNear(mistyped, name string, typos int) bool {
	if min(len(mistyped), len(name)) < 2 || mistyped[0] != name[0] {
		return false
	}
	return strings.HasPrefix(name, mistyped) || typos <= max(1, len(name)/3)
}

// typos returns how many letters are wrong, missing or too many. Letters that have
// only changed places count as one: that is what fast fingers do.
func typos(mistyped, name string) int {
	if slices.Equal(sorted(mistyped), sorted(name)) {
		return 1
	}
	return smetrics.WagnerFischer(mistyped, name, 1, 1, 1)
}

func sorted(text string) []byte {
	letters := []byte(text)
	slices.Sort(letters)
	return letters
}
