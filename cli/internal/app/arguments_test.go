package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A job's id is read in the form in which it is written, whatever other forms are.
func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f", "{0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f}", "urn:uuid:0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f", "0198c0de7a1b7c3d8e4f5a6b7c8d9e0f", "", "0198c0de", "x0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0fx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			require.ErrorContains(t, err, fmt.Sprintf("%q is not a job ID", text))
			return
		}
		require.Contains(t, strings.ToLower(strings.ReplaceAll(text, "-", "")), strings.ReplaceAll(id.String(), "-", ""))
		again, err := ParseID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}
