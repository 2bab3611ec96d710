package chart

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var figures = map[string]interface{ SVG() ([]byte, error) }{
	"panels": Panels{
		Label: `a "label" & more`, X: []float64{1, 2, 3}, XMin: 0, XMax: 4, XTicks: []Tick{{1, "one"}}, XTitle: "x",
		Panels: []Panel{{
			Title: "first", YMin: 0, YMax: 10, YTicks: []Tick{{5, "5"}},
			Bands: []Band{{Low: []float64{1, 1, 1}, High: []float64{2, 3, 4}, Color: LateBand}},
			Lines: []Line{{Y: []float64{1, 2, 3}, Color: Late, Width: 2, Dots: true, Text: "rises"}, {Y: []float64{3, 3, 3}, Width: 1, Dashed: true, Text: "stays"}},
		}, {Title: "second", YMax: 1, Lines: []Line{{Y: []float64{0, 1, 0}, Dots: true}}}},
	},
	"grid": Grid{
		Label: "grid", Columns: []string{"a", ""}, RowHeight: 20, LabelWidth: 80, NotesTitle: "note",
		Ramp: Ramp{Low: 0, High: 1, Ticks: []Tick{{0.5, "half"}}, Title: "share"},
		Rows: []GridRow{{Text: "row", Values: []float64{0.5, math.NaN()}, Note: "n"}},
	},
	"intervals": Intervals{
		Label: "intervals", XMin: 0, XMax: 1, XTicks: []Tick{{0, "0"}}, Line: 0.5, LineText: "all",
		Groups: []IntervalGroup{{Title: "group", Color: Late, Rows: []IntervalRow{
			{Text: "with", Value: 0.5, Low: 0.4, High: 0.6, Mark: 0.3}, {Text: "without", Value: 0.5, Low: 0.4, High: 0.6, Mark: math.NaN()},
		}}},
	},
	"map": Map{
		Label: "map", Ramp: Ramp{Low: 0, High: 1}, Rings: [][]LonLat{{{-100, 40}, {-99, 40}, {-99, 41}}},
		Dots:  []Dot{{At: LonLat{-87.9, 42}, Size: 1000, Value: 0.5, Text: "ORD"}, {At: LonLat{-87.9, 42}, Size: 10, Value: math.NaN(), Text: "MDW", LeaderLine: true}},
		Sizes: []Dot{{Size: 100, Text: "100"}},
	},
}

func TestEveryFigureIsOneSelfContainedElement(t *testing.T) {
	t.Parallel()
	for name, figure := range figures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svg, err := figure.SVG()
			require.NoError(t, err)
			text := string(svg)
			assert.True(t, strings.HasPrefix(text, `<svg viewBox="0 0 700 `), text[:60])
			assert.True(t, strings.HasSuffix(text, "</svg>"))
			assert.Equal(t, strings.Count(text, "<g "), strings.Count(text, "</g>"))
			for _, unwanted := range []string{"http", "xmlns", "<?xml", "NaN", "Inf", "font-variant", "Liberation Sans;"} {
				assert.NotContains(t, text, unwanted)
			}
			again, err := figure.SVG()
			require.NoError(t, err)
			assert.Equal(t, text, string(again), "the same figure gives the same bytes")
		})
	}
}

func TestLabelsAreEscaped(t *testing.T) {
	t.Parallel()
	svg, err := figures["panels"].SVG()
	require.NoError(t, err)
	assert.Contains(t, string(svg), `aria-label="a &#34;label&#34; &amp; more"`)
}

func TestADotWithoutRoomHasItsTextOnlyWithALeaderLine(t *testing.T) {
	t.Parallel()
	crowded := figures["map"].(Map)
	svg, err := crowded.SVG()
	require.NoError(t, err)
	assert.Contains(t, string(svg), ">MDW<")
	crowded.Dots = []Dot{crowded.Dots[0], {At: crowded.Dots[0].At, Size: 10, Text: "MDW"}}
	svg, err = crowded.SVG()
	require.NoError(t, err)
	assert.NotContains(t, string(svg), ">MDW<")
	assert.Contains(t, string(svg), ">ORD<")
}

func TestTextsAreMovedNoFartherThanNecessary(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ positions, want []float64 }{
		"far apart":              {[]float64{0, 50}, []float64{0, 50}},
		"too near":               {[]float64{20, 24}, []float64{17, 27}},
		"equal":                  {[]float64{20, 20, 20}, []float64{10, 20, 30}},
		"a group moves the next": {[]float64{0, 0, 8}, []float64{-22. / 3, 8. / 3, 38. / 3}},
		"none":                   {nil, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			separate(c.positions, 10)
			assert.InDeltaSlice(t, c.want, c.positions, 1e-9)
		})
	}
}

func TestARampGoesFromLightToDark(t *testing.T) {
	t.Parallel()
	r := Ramp{Low: 0.1, High: 0.3}
	assert.Equal(t, rampColors[0], r.color(0.1))
	assert.Equal(t, rampColors[0], r.color(-5))
	assert.Equal(t, rampColors[3], r.color(0.2))
	assert.Equal(t, rampColors[6], r.color(0.3))
	assert.Equal(t, rampColors[6], r.color(9))
	assert.Equal(t, noColor, r.color(math.NaN()))
	previous := 1000
	for v := 0.1; v <= 0.3; v += 0.01 {
		c := r.color(v)
		lightness := int(c.R) + int(c.G) + int(c.B)
		assert.LessOrEqual(t, lightness, previous)
		previous = lightness
	}
}

func TestPlacesHaveTheirPositionsOnTheMap(t *testing.T) {
	t.Parallel()
	seattle, miami := mapPoint(LonLat{-122.3, 47.4}), mapPoint(LonLat{-80.3, 25.8})
	boston, diego := mapPoint(LonLat{-71, 42.4}), mapPoint(LonLat{-117.2, 32.7})
	assert.Less(t, seattle.X, boston.X)
	assert.Less(t, diego.Y, seattle.Y)
	assert.Less(t, miami.Y, diego.Y)
	// San Diego to Boston is 2,590 miles, to Seattle 1,050.
	ratio := math.Hypot(float64(boston.X-diego.X), float64(boston.Y-diego.Y)) / math.Hypot(float64(seattle.X-diego.X), float64(seattle.Y-diego.Y))
	assert.InDelta(t, 2590.0/1050, ratio, 0.08)

	for name, p := range map[string]LonLat{
		"Attu, over the 180th meridian": {172.9, 52.9}, "Anchorage": {-150, 61.2}, "Key West": {-81.8, 24.6}, "Honolulu": {-157.9, 21.3},
		"St. Croix": {-64.8, 17.7}, "Caribou": {-68, 46.9}, "Seattle": {-122.3, 47.4},
	} {
		at := mapPoint(p)
		assert.True(t, at.X > 0 && at.X < Width && at.Y > 0 && at.Y < mapHeight, "%s is at %v", name, at)
	}
}
