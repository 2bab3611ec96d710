package view

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTextFromARowCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a\uFFFD[2Jb c d", Clean("a\x1b[2Jb\nc\td"))
	assert.Equal(t, "a b\nc", CleanLines("a\tb\r\nc"))
	assert.Equal(t, "first", firstLine("\nfirst\nsecond"))
	assert.Equal(t, "übér", Clean("übér"))
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "äbc…", shorten("äbcdef", 4))
	assert.Equal(t, "äbcd", shorten("äbcd", 4))
	assert.Equal(t, `{"a":…`, shortJSON(json.RawMessage(`{"a":123}`), 6))
}
