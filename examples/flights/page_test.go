package flights

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func (b *fixture) html(t *testing.T, generated time.Time) (Written, string) {
	t.Helper()
	written, err := WriteHTML(t.Context(), b.work, b.results(t), ReportName, generated, noReport)
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(b.dir, ReportName))
	require.NoError(t, err)
	require.Equal(t, written.SHA256, sumOf(content))
	return written, string(content)
}

func TestThePageDependsOnlyOnItsInputAndTime(t *testing.T) {
	t.Parallel()
	_, first := setup(t).html(t, noon)
	_, second := setup(t).html(t, noon)
	assert.Equal(t, first, second)

	_, later := setup(t).html(t, noon.Add(time.Hour))
	assert.NotEqual(t, first, later)
	assert.Equal(t, strings.Replace(first, "1 March 2026, 12:00 UTC", "1 March 2026, 13:00 UTC", 1), later,
		"only the creation time differs")
}

func TestThePageIsSelfContained(t *testing.T) {
	t.Parallel()
	_, html := setup(t).html(t, noon)
	requireSelfContained(t, html)
}

// requireSelfContained checks that a browser loads nothing else for the page.
func requireSelfContained(t *testing.T, html string) {
	t.Helper()
	links := regexp.MustCompile(`<a href="https://[^"]*">`)
	rest := links.ReplaceAllString(html, "")
	for _, reference := range []string{"http:", "https:", "src=", "href=", "url(", "@import", "<link", "<script", "<iframe", "<image", "xmlns"} {
		require.NotContains(t, rest, reference)
	}
	require.Equal(t, len(drawings), strings.Count(html, "<svg "))
	require.Equal(t, len(drawings), strings.Count(html, "</svg>"))
	require.Less(t, len(html), 1<<20)
	for _, unwanted := range []string{"NaN", "Inf", "%!", "ZgotmplZ"} {
		require.NotContains(t, html, unwanted)
	}
}

func TestTheRealPageHasTheFindingsOfTheData(t *testing.T) {
	t.Parallel()
	b := &fixture{dir: t.TempDir()}
	b.work = openWork(t, b.dir)
	raw, err := saveGob(t.Context(), b.work, "raw.gob", realData(t))
	require.NoError(t, err)
	b.cleaned, err = Clean(t.Context(), b.work, Loaded{Raw: raw}, noReport)
	require.NoError(t, err)
	b.aggregated, err = Aggregate(t.Context(), b.work, b.cleaned, noReport)
	require.NoError(t, err)
	assert.Equal(t, 80, b.aggregated.Ranked)
	_, html := b.html(t, noon)
	requireSelfContained(t, html)
	for _, sentence := range []string{
		"About one in five flights arrived more than 15 minutes late (19.9%;",
		"Of the flights that left from 5 to 6 am, 4.3% arrived late; of those that left from 9 to 10 pm, 33.0%: 7.7 times the share.",
		"Friday was the worst day to fly (25.8% late), Saturday the best (16.9%).",
		"New York JFK came first: 29.0% of the flights that left there arrived late",
		"At each of the 30 busiest airports, flights that left after 6 pm were late more often than those that left before 10 am.",
		"21.6% of its flights were late, as were 21.4% of the dated ones from January to March",
	} {
		assert.Contains(t, html, sentence)
	}
}

func TestTheHeadlineIsTheFirstFinding(t *testing.T) {
	t.Parallel()
	written, html := setup(t).html(t, noon)
	assert.Regexp(t, `^About one in \w+ flights arrived more than 15 minutes late`, written.Headline)
	assert.Contains(t, html, written.Headline)
}

func TestThePageReplacesAnExistingOneAtomically(t *testing.T) {
	t.Parallel()
	b := setup(t)
	target := filepath.Join(b.dir, ReportName)
	require.NoError(t, os.WriteFile(target, []byte("existing page"), 0o600))
	before, err := os.Open(target)
	require.NoError(t, err)
	defer before.Close()
	b.html(t, noon)

	// A reader that has the old page open still reads the old page.
	old := make([]byte, 100)
	n, err := before.Read(old)
	require.NoError(t, err)
	assert.Equal(t, "existing page", string(old[:n]))
	info, err := os.Stat(target)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	entries, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "the page and the work directory")
}

func TestAMissingChartIsAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.results(t)
	in.Charted.Charts = in.Charted.Charts[1:]
	_, err := WriteHTML(t.Context(), b.work, in, ReportName, noon, noReport)
	require.ErrorContains(t, err, `no chart "hours"`)
}
