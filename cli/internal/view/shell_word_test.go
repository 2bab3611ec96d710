package view

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWordForAShellIsTheTextAgain(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil && os.Getenv("JOBSYSTEM_TEST_REQUIRE") == "" {
		t.Skip("no shell here")
	}
	require.NoError(t, err)
	for _, text := range []string{"h.db", "", "a b", "it's", `"$HOME" \n`, "~/x;ls|cat>&2 #`id`", "*?[a]{b,c}!!", "a=b", "ä"} {
		out, err := exec.CommandContext(t.Context(), sh, "-c", "printf %s "+ShellWord(text)).Output()
		require.NoError(t, err, ShellWord(text))
		assert.Equal(t, text, string(out))
	}
}
