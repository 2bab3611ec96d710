package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A password is hidden wherever in a word of the command line its DSN stands.
func FuzzSecrets(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"--dsn=", ""}, {"@", "?sslmode=disable"}, {"a,", ",b"}, {`"`, `"`}, {"--data=@", "\n"}, {"sqlite://", ""}, {" ", " "}, {"mysql://x@y/", "%"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before, "://") {
			return // a DSN in a DSN
		}
		for _, dsn := range []string{"postgres://ann:s3cret@db/app", "ann:s3cret@tcp(db)/app"} {
			word := before + dsn + after
			hide := newSecrets([]string{"shopctl", word}).hide
			for _, message := range []string{word, fmt.Sprintf("%q is not a job ID", word), fmt.Sprintf("unknown flag %s.", word)} {
				require.NotContains(t, hide(message), "s3cret", "%q", word)
			}
		}
	})
}
