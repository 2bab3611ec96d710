package chart

import (
	"cmp"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Panels holds plots below each other with a common x axis.
type Panels struct {
	Label      string
	X          []float64
	XMin, XMax float64
	XTicks     []Tick
	XTitle     string
	Panels     []Panel
}

// Tick is a position on an axis.
type Tick struct {
	At   float64
	Text string
}

// Panel is one plot: bands, and lines in front of them. Each has a value for each X
// of the Panels.
type Panel struct {
	Title      string
	YMin, YMax float64
	YTicks     []Tick
	Bands      []Band
	Lines      []Line
}

// Band is the area between two lines.
type Band struct {
	Low, High []float64
	Color     Color
}

// Line is one line. Its Text is to the right of its last point, or as near to that
// as the texts of other lines allow.
type Line struct {
	Y      []float64
	Color  Color
	Width  float64 // 0 for dots without a line, or for the text alone
	Dashed bool
	Dots   bool
	Text   string
}

const (
	panelHeight = 192.0
	panelTitle  = 22.0
	rightMargin = 124.0 // to the right of a panel, for the texts of lines
	axisRoom    = 38.0
)

// SVG draws the panels.
func (p Panels) SVG() ([]byte, error) {
	height := float64(len(p.Panels))*panelHeight + axisRoom
	plots := make([][]*plot.Plot, len(p.Panels))
	for i, panel := range p.Panels {
		drawn, err := p.plot(panel)
		if err != nil {
			return nil, err
		}
		plots[i] = []*plot.Plot{drawn}
	}
	return render(p.Label, height, func(c draw.Canvas) {
		tiles := draw.Tiles{
			Rows: len(plots), Cols: 1,
			PadTop: panelTitle, PadY: panelTitle + 10, PadRight: rightMargin, PadLeft: 2, PadBottom: 16,
		}
		canvases := plot.Align(plots, tiles, c)
		for i := range plots {
			area := canvases[i][0]
			plots[i][0].Draw(area)
			title := bold(style(Ink.rgb(), textSize, draw.XLeft, draw.YBottom))
			area.FillText(title, vg.Point{X: c.Min.X + 2, Y: area.Max.Y + 8}, p.Panels[i].Title)
		}
		last := canvases[len(canvases)-1][0]
		c.FillText(style(Muted.rgb(), smallSize, draw.XRight, draw.YBottom),
			vg.Point{X: last.Max.X, Y: c.Min.Y + 2}, p.XTitle)
	})
}

func (p Panels) plot(panel Panel) (*plot.Plot, error) {
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max = p.XMin, p.XMax, panel.YMin, panel.YMax
	styleAxis(&pl.X, p.XTicks)
	styleAxis(&pl.Y, panel.YTicks)
	pl.Y.Width = 0
	pl.Y.Tick.Width = 0
	pl.Y.Tick.Length = 3

	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal = stroke(gridColor, 0.7)
	pl.Add(grid)
	for _, band := range panel.Bands {
		area, err := plotter.NewPolygon(outline(p.X, band.Low, band.High))
		if err != nil {
			return nil, err
		}
		area.Color, area.Width = band.Color.rgb(), 0
		pl.Add(area)
	}
	for _, line := range panel.Lines {
		pl.Add(drawnLine{x: p.X, Line: line})
	}
	pl.Add(lineTexts{x: p.X[len(p.X)-1], lines: panel.Lines})
	return pl, nil
}

// styleAxis sets the ticks of an axis and the style of the report.
func styleAxis(a *plot.Axis, ticks []Tick) {
	marks := make([]plot.Tick, len(ticks))
	for i, tick := range ticks {
		marks[i] = plot.Tick{Value: tick.At, Label: tick.Text}
	}
	a.Padding = 0
	a.LineStyle = stroke(Muted.rgb(), 0.7)
	a.Tick.LineStyle = stroke(Muted.rgb(), 0.7)
	a.Tick.Length = 4
	a.Tick.Marker = plot.ConstantTicks(marks)
	label := style(Muted.rgb(), smallSize, a.Tick.Label.XAlign, a.Tick.Label.YAlign)
	a.Tick.Label = label
}

// outline returns the polygon between two lines: low from left to right, then high
// from right to left.
func outline(x, low, high []float64) plotter.XYs {
	points := make(plotter.XYs, 0, 2*len(x))
	for i := range x {
		points = append(points, plotter.XY{X: x[i], Y: low[i]})
	}
	for i := len(x) - 1; i >= 0; i-- {
		points = append(points, plotter.XY{X: x[i], Y: high[i]})
	}
	return points
}

// drawnLine draws a Line.
type drawnLine struct {
	x []float64
	Line
}

// Plot implements plot.Plotter.
func (l drawnLine) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	points := make([]vg.Point, len(l.x))
	for i, x := range l.x {
		points[i] = vg.Point{X: toX(x), Y: toY(l.Y[i])}
	}
	if l.Width > 0 {
		sty := stroke(l.Color.rgb(), l.Width)
		if l.Dashed {
			sty.Dashes = []vg.Length{4, 3}
		}
		c.StrokeLines(sty, points)
	}
	if l.Dots {
		for _, point := range points {
			dot(&c, point, 3.2, white)
			dot(&c, point, 2.5, l.Color.rgb())
		}
	}
}

// lineTexts draws the texts of lines to the right of their last points.
type lineTexts struct {
	x     float64
	lines []Line
}

// lineSpacing is the smallest distance between two texts, in points.
const lineSpacing = 11.5

// Plot implements plot.Plotter.
func (t lineTexts) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	lines := slices.DeleteFunc(slices.Clone(t.lines), func(l Line) bool { return l.Text == "" })
	end := func(l Line) float64 { return toY(l.Y[len(l.Y)-1]).Points() }
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(end(a), end(b)) })
	heights := make([]float64, len(lines))
	for i, line := range lines {
		heights[i] = end(line)
	}
	separate(heights, lineSpacing)
	for i, line := range lines {
		c.FillText(style(line.Color.rgb(), smallSize, draw.XLeft, draw.YCenter),
			vg.Point{X: toX(t.x) + 9, Y: vg.Points(heights[i])}, line.Text)
	}
}

// separate moves sorted positions apart until each is at least gap from the next.
// The centre of each group of moved positions stays the same.
func separate(positions []float64, gap float64) {
	type group struct{ first, n int }
	var groups []group
	low := func(g group) float64 {
		sum := 0.0
		for _, p := range positions[g.first : g.first+g.n] {
			sum += p
		}
		return sum/float64(g.n) - gap*float64(g.n-1)/2
	}
	for i := range positions {
		groups = append(groups, group{i, 1})
		for len(groups) > 1 {
			last, before := groups[len(groups)-1], groups[len(groups)-2]
			if low(last) >= low(before)+gap*float64(before.n) {
				break
			}
			groups = append(groups[:len(groups)-2], group{before.first, before.n + last.n})
		}
	}
	for _, g := range groups {
		at := low(g)
		for k := range g.n {
			positions[g.first+k] = at + gap*float64(k)
		}
	}
}
