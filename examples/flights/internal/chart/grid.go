package chart

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Grid is a table of coloured cells.
type Grid struct {
	Label string
	// Columns holds the text above each column, at its left edge. It may be empty.
	Columns []string
	Rows    []GridRow
	// NotesTitle is the text above the notes of the rows.
	NotesTitle string
	Ramp       Ramp
	RowHeight  float64 // points
	LabelWidth float64 // points
}

// GridRow is one row. The cell of a value that is NaN stays empty.
type GridRow struct {
	Text   string
	Values []float64
	Note   string
}

const (
	noteWidth   = 60.0
	gridHead    = 20.0
	gridFoot    = 54.0
	cellSpacing = 1.0
)

// SVG draws the grid.
func (g Grid) SVG() ([]byte, error) {
	height := gridHead + float64(len(g.Rows))*g.RowHeight + gridFoot
	return render(g.Label, height, func(c draw.Canvas) {
		top := c.Max.Y - gridHead
		cell := (Width - g.LabelWidth - noteWidth) / float64(len(g.Columns))
		left := func(column int) vg.Length { return vg.Points(g.LabelWidth + float64(column)*cell) }
		head := style(Muted.rgb(), smallSize, draw.XLeft, draw.YBottom)
		for i, column := range g.Columns {
			c.FillText(head, vg.Point{X: left(i), Y: top + 4}, column)
		}
		head.XAlign = draw.XRight
		c.FillText(head, vg.Point{X: Width - 2, Y: top + 4}, g.NotesTitle)
		for i, row := range g.Rows {
			g.row(&c, row, top-vg.Points(float64(i)*g.RowHeight), cell)
		}
		g.Ramp.legend(&c, vg.Point{X: left(0), Y: vg.Points(gridFoot - 12)})
	})
}

func (g Grid) row(c *draw.Canvas, row GridRow, top vg.Length, cell float64) {
	middle := top - vg.Points(g.RowHeight/2)
	c.FillText(style(Ink.rgb(), smallSize, draw.XRight, draw.YCenter),
		vg.Point{X: vg.Points(g.LabelWidth - 7), Y: middle}, row.Text)
	c.FillText(style(Muted.rgb(), smallSize, draw.XRight, draw.YCenter), vg.Point{X: Width - 2, Y: middle}, row.Note)
	for i, value := range row.Values {
		if math.IsNaN(value) {
			continue
		}
		x := vg.Points(g.LabelWidth + float64(i)*cell)
		box(c, vg.Rectangle{
			Min: vg.Point{X: x, Y: top - vg.Points(g.RowHeight-cellSpacing)},
			Max: vg.Point{X: x + vg.Points(cell-cellSpacing), Y: top},
		}, g.Ramp.color(value))
	}
}
