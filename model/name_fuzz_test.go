package model_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

// Every database and JSON store an accepted name unchanged; the error for any other
// says why. The inputs under testdata/fuzz are written to every kind of database: see
// the corpus test of package engine.
func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{
		"extract", "", " a", "a ", "a b", "ä", "a\u0308", "名前", "a\x00b", "\xff", "a\u200bb", "😀", "a\u00a0b", "A", "a", "'\"\\", "%_?", "\U0010ffff", "ﬀ", "ß", "ẞ", "i̇", "\ufffd",
		strings.Repeat("é", model.MaxName), strings.Repeat("é", model.MaxName+1), strings.Repeat("😀", model.MaxName),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := model.CheckName(name)
		if err != nil {
			require.Regexp(t, "^(is|begins|has) ", err.Error())
			return
		}
		require.True(t, utf8.ValidString(name))
		require.LessOrEqual(t, utf8.RuneCountInString(name), model.MaxName)
		require.NotContains(t, name, "\x00")
		require.Equal(t, name, strings.TrimSpace(name))
		raw, err := json.Marshal(name)
		require.NoError(t, err)
		var again string
		require.NoError(t, json.Unmarshal(raw, &again))
		require.Equal(t, name, again)
	})
}
