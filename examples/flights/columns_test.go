package flights

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packTable encodes a table in the format of data/README.md.
func packTable(t *testing.T, header string, values ...int64) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	content := []byte(header)
	for _, v := range values {
		content = binary.AppendVarint(content, v)
	}
	_, err := z.Write(content)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

const validHeader = "columns 1\nrows 3\ncolumn a plain\ncolumn b delta\ncolumn c words X Y\n\n"

func TestATableIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	read, err := readTable(packTable(t, validHeader, -5, 0, 70000, 10, 5, -20, 1, 0, 1), 3)
	require.NoError(t, err)
	assert.Equal(t, []column{
		{name: "a", values: []int32{-5, 0, 70000}},
		{name: "b", delta: true, values: []int32{10, 15, -5}},
		{name: "c", words: []string{"X", "Y"}, values: []int32{1, 0, 1}},
	}, read.columns)
}

func TestReadTableReturnsAnErrorForAnInvalidTable(t *testing.T) {
	t.Parallel()
	valid := packTable(t, validHeader, -5, 0, 7, 10, 5, -20, 1, 0, 1)
	cases := map[string]struct {
		content []byte
		want    string
	}{
		"no table":                 {packTable(t, "rows 3\n\n"), "this is not a table"},
		"no gzip":                  {[]byte("columns 1\n"), "gzip"},
		"cut off":                  {valid[:len(valid)-10], "unexpected EOF"},
		"other format":             {packTable(t, "columns 2\nrows 3\n\n"), "format 2: want 1"},
		"other row count":          {packTable(t, "columns 1\nrows 2\n\n"), "2 rows: want 3"},
		"absurd row count":         {packTable(t, "columns 1\nrows 99999999999\n\n"), "the header has 99999999999 rows"},
		"unknown encoding":         {packTable(t, "columns 1\nrows 3\ncolumn a squeezed\n\n"), `"squeezed"`},
		"a line that is no column": {packTable(t, "columns 1\nrows 3\nwhatever\n\n"), `"whatever\n"`},
		"too few values":           {packTable(t, validHeader, 1, 2), "column a: row 2"},
		"too many values":          {packTable(t, validHeader, 1, 2, 3, 4, 5, 6, 0, 0, 0, 9), "more data after its last column"},
		"no such word":             {packTable(t, validHeader, 1, 2, 3, 4, 5, 6, 0, 2, 0), "column c: row 1: word 2 in a list of 2"},
		"too large":                {packTable(t, validHeader, 1<<40, 2, 3, 4, 5, 6, 0, 0, 0), "out of range"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readTable(c.content, 3)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestReadTableVerifiesTheChecksumOfGzip(t *testing.T) {
	t.Parallel()
	content := packTable(t, validHeader, -5, 0, 7, 10, 5, -20, 1, 0, 1)
	content[len(content)-6] ^= 1 // in gzip's checksum
	_, err := readTable(content, 3)
	require.ErrorContains(t, err, "checksum")
}
