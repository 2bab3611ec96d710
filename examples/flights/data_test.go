package flights

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEmbeddedFilesAreSmallAndHaveTheirChecksums(t *testing.T) {
	t.Parallel()
	total := 0
	for _, name := range []string{datedFile, undatedFile, airportsFile, statesFile} {
		content, err := embeddedFile(name)
		require.NoError(t, err)
		total += len(content)
	}
	assert.Less(t, total, 3<<20)
}

func TestTheDocumentationStatesTheNumberOfFlights(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"doc.go", "../../README.md", "../../cli/jobctl/main.go"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(text), " "+thousands(datedFlights+undatedFlights), path)
		assert.NotContains(t, string(text), " "+thousands(datedFlights)+" flights", path)
	}
}

func TestAChangedOrUnlistedFileIsAnError(t *testing.T) {
	t.Parallel()
	sums := []byte(sumOf([]byte("right")) + "  a.csv\n")
	require.NoError(t, checkSum("a.csv", []byte("right"), sums))
	require.ErrorContains(t, checkSum("a.csv", []byte("wrong"), sums), "a.csv has the SHA-256")
	require.ErrorContains(t, checkSum("b.csv", []byte("right"), sums), "b.csv is not listed")
	_, err := embeddedFile("nothing")
	require.Error(t, err)
}

// The expected figures were computed from the original files with another program.
func TestTheSamplesMatchTheOriginalFiles(t *testing.T) {
	t.Parallel()
	data := realData(t)
	sum := func(values []int32) (sum int) {
		for _, v := range values {
			sum += int(v)
		}
		return sum
	}
	for _, s := range []*Sample{&data.Dated, &data.Undated} {
		require.Equal(t, 200_000, s.Len())
		require.Len(t, s.Delay, s.Len())
		require.Len(t, s.Miles, s.Len())
	}
	require.Len(t, data.Dated.Origin, 200_000)
	require.Len(t, data.Dated.Destination, 200_000)
	assert.Equal(t, [3]int{26_223_303_019, 1_322_243, 146_478_103}, [3]int{sum(data.Dated.Minute), sum(data.Dated.Delay), sum(data.Dated.Miles)})
	assert.Equal(t, [3]int{165_310_210, 1_500_159, 145_847_125}, [3]int{sum(data.Undated.Minute), sum(data.Undated.Delay), sum(data.Undated.Miles)})

	// The first flight: 2001-01-01 00:01, LAS to PHL, 33 minutes late, 2,176 miles.
	first := &data.Dated
	assert.Equal(t, []int32{1, 33, 2176}, []int32{first.Minute[0], first.Delay[0], first.Miles[0]})
	assert.Equal(t, []string{"LAS", "PHL"}, []string{data.Codes[first.Origin[0]], data.Codes[first.Destination[0]]})
	assert.Len(t, data.Airports, 228)
	assert.Len(t, data.Codes, 228)
}
