package chart

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// dot draws a filled circle.
func dot(c *draw.Canvas, at vg.Point, radius float64, fill color.Color) {
	var path vg.Path
	path.Move(vg.Point{X: at.X + vg.Points(radius), Y: at.Y})
	path.Arc(at, vg.Points(radius), 0, 2*math.Pi)
	path.Close()
	c.SetColor(fill)
	c.Fill(path)
}

// box draws a filled rectangle.
func box(c *draw.Canvas, r vg.Rectangle, fill color.Color) {
	c.SetColor(fill)
	c.Fill(r.Path())
}

// diamond draws a white diamond with an outline.
func diamond(c *draw.Canvas, at vg.Point, radius float64, line draw.LineStyle) {
	r := vg.Points(radius)
	var path vg.Path
	path.Move(vg.Point{X: at.X - r, Y: at.Y})
	path.Line(vg.Point{X: at.X, Y: at.Y + r})
	path.Line(vg.Point{X: at.X + r, Y: at.Y})
	path.Line(vg.Point{X: at.X, Y: at.Y - r})
	path.Close()
	c.SetColor(white)
	c.Fill(path)
	c.SetLineStyle(line)
	c.Stroke(path)
}
