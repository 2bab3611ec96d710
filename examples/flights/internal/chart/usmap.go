package chart

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Map is a map of the United States with dots. Alaska, Hawaii, Puerto Rico and the
// Virgin Islands are below the other states and have other scales.
type Map struct {
	Label string
	// Rings holds the outlines of the states.
	Rings [][]LonLat
	Dots  []Dot
	Ramp  Ramp
	// Sizes holds the dots of the legend below the map.
	Sizes      []Dot
	SizesTitle string
}

// Dot is a dot on a Map. Its area is proportional to Size, and its colour shows
// Value, or is grey if that is NaN. Text is omitted if there is no room beside the
// dot; with LeaderLine, it may be farther away, connected by a line. The texts are
// placed in the order of the dots.
type Dot struct {
	At         LonLat
	Size       float64
	Value      float64
	Text       string
	LeaderLine bool
}

const (
	mapHeight = 504.0
	mapFoot   = 46.0
	// sizeScale is the radius of a dot of Size 1, in points.
	sizeScale = 0.17
	minRadius = 1.3
	labelSize = 8
)

func (d Dot) radius() float64 { return max(minRadius, sizeScale*math.Sqrt(d.Size)) }

// SVG draws the map.
func (m Map) SVG() ([]byte, error) {
	return render(m.Label, mapHeight, func(c draw.Canvas) {
		for _, ring := range m.Rings {
			drawOutline(&c, ring)
		}
		dots := slices.Clone(m.Dots)
		// Draw the largest dots first, so that they do not cover smaller ones.
		slices.SortStableFunc(dots, func(a, b Dot) int { return cmp.Compare(b.Size, a.Size) })
		for _, d := range dots {
			at := mapPoint(d.At)
			dot(&c, at, d.radius()+0.6, white)
			dot(&c, at, d.radius(), m.Ramp.color(d.Value))
		}
		m.labels(&c, dots)
		m.Ramp.legend(&c, vg.Point{X: 262, Y: mapFoot})
		m.sizes(&c, vg.Point{X: 498, Y: mapFoot})
	})
}

func mapPoint(p LonLat) vg.Point {
	x, y := areaOf(p).place(p)
	return vg.Point{X: vg.Points(x), Y: vg.Points(y + mapFoot)}
}

// drawOutline draws the outline of a state.
func drawOutline(c *draw.Canvas, ring []LonLat) {
	// Use one area for the whole ring, because its points may be in several.
	a := areaOf(ring[0])
	var path vg.Path
	for i, p := range ring {
		x, y := a.place(p)
		at := vg.Point{X: vg.Points(x), Y: vg.Points(y + mapFoot)}
		if i == 0 {
			path.Move(at)
		} else {
			path.Line(at)
		}
	}
	path.Close()
	c.SetColor(landColor)
	c.Fill(path)
	c.SetLineStyle(stroke(hex(0xcdd2d8), 0.6))
	c.Stroke(path)
}

// labels draws the texts of the dots where there is room.
func (m Map) labels(c *draw.Canvas, dots []Dot) {
	sty := bold(style(Ink.rgb(), labelSize, draw.XLeft, draw.YCenter))
	var occupied []vg.Rectangle
	for _, d := range dots {
		if r := vg.Points(d.radius()); r > 3 {
			at := mapPoint(d.At)
			occupied = append(occupied, vg.Rectangle{Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r}})
		}
	}
	for _, d := range m.Dots {
		if d.Text == "" {
			continue
		}
		boxes := d.textBoxes(sty.Width(d.Text), 2)
		adjacent := len(boxes)
		if d.LeaderLine {
			boxes = append(boxes, d.textBoxes(sty.Width(d.Text), 16)...)
		}
		for i, box := range boxes {
			if slices.ContainsFunc(occupied, func(o vg.Rectangle) bool { return overlap(o, box) }) {
				continue
			}
			occupied = append(occupied, box)
			if i >= adjacent {
				drawLeaderLine(c, d, box)
			}
			c.FillText(sty, vg.Point{X: box.Min.X, Y: (box.Min.Y + box.Max.Y) / 2}, d.Text)
			break
		}
	}
}

// drawLeaderLine draws a line from a dot to the box of its text.
func drawLeaderLine(c *draw.Canvas, d Dot, box vg.Rectangle) {
	from := mapPoint(d.At)
	to := vg.Point{X: min(max(from.X, box.Min.X-1), box.Max.X+1), Y: min(max(from.Y, box.Min.Y), box.Max.Y)}
	c.StrokeLine2(stroke(Ink.rgb(), 0.6), from.X, from.Y, to.X, to.Y)
}

// textBoxes returns the possible boxes for a dot's text at a distance of gap, the
// best one first.
func (d Dot) textBoxes(width, gap vg.Length) []vg.Rectangle {
	const height = labelSize - 1
	at, r := mapPoint(d.At), vg.Points(d.radius())
	beside, above, diagonal := r+gap, r+gap+height/2, 0.7*(r+gap)
	centers := []vg.Point{
		{X: beside + width/2}, {Y: above}, {X: -beside - width/2}, {Y: -above},
		{X: diagonal + width/2, Y: diagonal + height/2}, {X: diagonal + width/2, Y: -diagonal - height/2},
		{X: -diagonal - width/2, Y: diagonal + height/2}, {X: -diagonal - width/2, Y: -diagonal - height/2},
	}
	boxes := make([]vg.Rectangle, len(centers))
	for i, center := range centers {
		half := vg.Point{X: width / 2, Y: height / 2}
		boxes[i] = vg.Rectangle{Min: at.Add(center).Sub(half), Max: at.Add(center).Add(half)}
	}
	return boxes
}

func overlap(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

func (m Map) sizes(c *draw.Canvas, at vg.Point) {
	c.FillText(style(Muted.rgb(), smallSize, draw.XLeft, draw.YTop), at, m.SizesTitle)
	x, y := at.X, at.Y-25
	for _, d := range m.Sizes {
		r := d.radius()
		x += vg.Points(r)
		dot(c, vg.Point{X: x, Y: y}, r, noColor)
		x += vg.Points(r + 5)
		sty := style(Muted.rgb(), smallSize, draw.XLeft, draw.YCenter)
		c.FillText(sty, vg.Point{X: x, Y: y}, d.Text)
		x += sty.Width(d.Text) + 14
	}
}
