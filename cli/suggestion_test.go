package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOnlyANearFlagIsSuggested(t *testing.T) {
	t.Parallel()
	for mistyped, want := range map[string]string{
		"--ouput": "output", "--dns": "dsn", "--out": "output", "--hlep": "help",
		"--nope": "", "--x": "", "--json": "", "--oops": "", "--verbose": "",
		"list --staus": "status", "list --stauts": "status", "list --lim": "limit", "list --types": "type", "list --before-id": "",
		"list --jsn": "", "list --state": "status", "list --sort": "", "list --to": "", "list -x": "",
		"worker --maxrunning": "max-running", "worker --log-fmt": "log-format", "worker --threads": "",
		"enqueue --nope": "", "enqueue --idempotency-key": "",
	} {
		t.Run(mistyped, func(t *testing.T) {
			t.Parallel()
			got := setup(t).fails(ExitUsage, strings.Fields(mistyped)...)
			if want == "" {
				assert.NotContains(t, got, "did you mean")
			} else {
				assert.Contains(t, got, "; did you mean --"+want+"?")
			}
		})
	}
}
