package chart

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Intervals compares values and their intervals, one in each row.
type Intervals struct {
	Label      string
	Groups     []IntervalGroup
	XMin, XMax float64
	XTicks     []Tick
	// Line is the value of a vertical line, to compare all others with.
	Line     float64
	LineText string
	// MarkText explains the marks. NoteTitle is the text above the notes.
	MarkText  string
	NoteTitle string
}

// IntervalGroup holds rows under a common title.
type IntervalGroup struct {
	Title string
	Color Color
	Rows  []IntervalRow
}

// IntervalRow is one value. Mark is another value to show in the row, or NaN.
type IntervalRow struct {
	Text             string
	Value, Low, High float64
	Mark             float64
	Note             string
}

const (
	intervalRow  = 16.5
	groupTitle   = 26.0
	intervalHead = 34.0
	intervalFoot = 24.0
	intervalText = 172.0
	intervalNote = 104.0
)

// SVG draws the intervals.
func (v Intervals) SVG() ([]byte, error) {
	height := intervalHead + intervalFoot
	for _, group := range v.Groups {
		height += groupTitle + float64(len(group.Rows))*intervalRow
	}
	return render(v.Label, height, func(c draw.Canvas) {
		v.frame(&c, height)
		y := vg.Points(height - intervalHead)
		for _, group := range v.Groups {
			c.FillText(bold(style(group.Color.rgb(), textSize, draw.XLeft, draw.YBottom)),
				vg.Point{X: 2, Y: y - groupTitle + 8}, group.Title)
			y -= groupTitle
			for _, row := range group.Rows {
				v.row(&c, group.Color, row, y-intervalRow/2)
				y -= intervalRow
			}
		}
	})
}

func (v Intervals) x(value float64) vg.Length {
	share := (value - v.XMin) / (v.XMax - v.XMin)
	return vg.Points(intervalText + share*(Width-intervalText-intervalNote))
}

// frame draws the axis, the line and the titles, behind the rows.
func (v Intervals) frame(c *draw.Canvas, height float64) {
	bottom, top := vg.Points(intervalFoot), vg.Points(height-intervalHead)
	for _, tick := range v.XTicks {
		x := v.x(tick.At)
		c.StrokeLine2(stroke(gridColor, 0.7), x, bottom, x, top)
		c.FillText(style(Muted.rgb(), smallSize, draw.XCenter, draw.YTop), vg.Point{X: x, Y: bottom - 5}, tick.Text)
	}
	x := v.x(v.Line)
	line := stroke(Muted.rgb(), 0.9)
	line.Dashes = []vg.Length{3, 3}
	c.StrokeLine2(line, x, bottom, x, top+4)
	c.FillText(style(Muted.rgb(), smallSize, draw.XCenter, draw.YBottom), vg.Point{X: x, Y: top + 8}, v.LineText)
	c.FillText(style(Muted.rgb(), smallSize, draw.XRight, draw.YBottom), vg.Point{X: Width - 2, Y: top + 8}, v.NoteTitle)
	mark := vg.Point{X: 8, Y: top + 13}
	diamond(c, mark, 3.2, stroke(Muted.rgb(), 0.9))
	c.FillText(style(Muted.rgb(), smallSize, draw.XLeft, draw.YCenter), vg.Point{X: mark.X + 8, Y: mark.Y}, v.MarkText)
}

func (v Intervals) row(c *draw.Canvas, color Color, row IntervalRow, y vg.Length) {
	c.FillText(style(Ink.rgb(), smallSize, draw.XRight, draw.YCenter), vg.Point{X: intervalText - 10, Y: y}, row.Text)
	c.FillText(style(Muted.rgb(), smallSize, draw.XRight, draw.YCenter), vg.Point{X: Width - 2, Y: y}, row.Note)
	c.StrokeLine2(stroke(color.rgb(), 1.6), v.x(row.Low), y, v.x(row.High), y)
	if !math.IsNaN(row.Mark) {
		diamond(c, vg.Point{X: v.x(row.Mark), Y: y}, 3.2, stroke(Muted.rgb(), 0.9))
	}
	dot(c, vg.Point{X: v.x(row.Value), Y: y}, 3.6, color.rgb())
}
