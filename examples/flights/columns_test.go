package flights

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packed writes a table as data/README.md describes it.
func packed(t *testing.T, head string, values ...int64) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	content := []byte(head)
	for _, v := range values {
		content = binary.AppendVarint(content, v)
	}
	_, err := z.Write(content)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

const goodHead = "columns 1\nrows 3\ncolumn a plain\ncolumn b delta\ncolumn c words X Y\n\n"

func TestATableReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	read, err := readTable(packed(t, goodHead, -5, 0, 70000, 10, 5, -20, 1, 0, 1), 3)
	require.NoError(t, err)
	assert.Equal(t, []column{
		{name: "a", values: []int32{-5, 0, 70000}},
		{name: "b", delta: true, values: []int32{10, 15, -5}},
		{name: "c", words: []string{"X", "Y"}, values: []int32{1, 0, 1}},
	}, read.columns)
}

func TestABrokenTableIsRefused(t *testing.T) {
	t.Parallel()
	good := packed(t, goodHead, -5, 0, 7, 10, 5, -20, 1, 0, 1)
	cases := map[string]struct {
		content []byte
		want    string
	}{
		"no table":                 {packed(t, "rows 3\n\n"), "this is no table"},
		"no gzip":                  {[]byte("columns 1\n"), "gzip"},
		"cut off":                  {good[:len(good)-10], "unexpected EOF"},
		"other format":             {packed(t, "columns 2\nrows 3\n\n"), "format 2, and not 1"},
		"other row count":          {packed(t, "columns 1\nrows 2\n\n"), "2 rows, and not 3"},
		"absurd row count":         {packed(t, "columns 1\nrows 99999999999\n\n"), "header says"},
		"unknown encoding":         {packed(t, "columns 1\nrows 3\ncolumn a squeezed\n\n"), `"squeezed"`},
		"a line that is no column": {packed(t, "columns 1\nrows 3\nwhatever\n\n"), `"whatever\n"`},
		"too few values":           {packed(t, goodHead, 1, 2), "column a: row 2"},
		"too many values":          {packed(t, goodHead, 1, 2, 3, 4, 5, 6, 0, 0, 0, 9), "does not end"},
		"no such word":             {packed(t, goodHead, 1, 2, 3, 4, 5, 6, 0, 2, 0), "column c: row 1: word 2 of a list of 2"},
		"too large":                {packed(t, goodHead, 1<<40, 2, 3, 4, 5, 6, 0, 0, 0), "out of range"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readTable(c.content, 3)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	good := packed(t, goodHead, -5, 0, 7, 10, 5, -20, 1, 0, 1)
	good[len(good)-6] ^= 1 // in gzip's checksum
	_, err := readTable(good, 3)
	require.ErrorContains(t, err, "checksum")
}
