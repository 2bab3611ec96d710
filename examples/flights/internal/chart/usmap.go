package chart

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Map is a map of the United States with dots on it. Alaska, Hawaii, Puerto
// Rico and the Virgin Islands stand below the other states, out of scale.
type Map struct {
	Label string
	// Rings are the outlines of the states.
	Rings [][]LonLat
	Dots  []Dot
	Ramp  Ramp
	// Sizes are explained below the map.
	Sizes      []Dot
	SizesTitle string
}

// Dot is a place on a Map. Its area grows with Size, and its colour shows the
// value; one that is not a number makes it grey. Text is left out where there is
// no room beside the dot, unless Lead allows it to stand farther off, with a
// line that leads to it. The first dots are served first.
type Dot struct {
	At    LonLat
	Size  float64
	Value float64
	Text  string
	Lead  bool
}

const (
	mapHeight = 504.0
	mapFoot   = 46.0
	// sizeScale is the radius of a dot of size 1, in points.
	sizeScale = 0.17
	minRadius = 1.3
	labelSize = 8
)

func (d Dot) radius() float64 { return max(minRadius, sizeScale*math.Sqrt(d.Size)) }

// SVG draws the map.
func (m Map) SVG() ([]byte, error) {
	return render(m.Label, mapHeight, func(c draw.Canvas) {
		for _, ring := range m.Rings {
			state(&c, ring)
		}
		dots := slices.Clone(m.Dots)
		// The largest lie below, so that none is hidden.
		slices.SortStableFunc(dots, func(a, b Dot) int { return cmp.Compare(b.Size, a.Size) })
		for _, d := range dots {
			at := onMap(d.At)
			dot(&c, at, d.radius()+0.6, white)
			dot(&c, at, d.radius(), m.Ramp.color(d.Value))
		}
		m.labels(&c, dots)
		m.Ramp.legend(&c, vg.Point{X: 262, Y: mapFoot})
		m.sizes(&c, vg.Point{X: 498, Y: mapFoot})
	})
}

func onMap(p LonLat) vg.Point {
	x, y := areaOf(p).place(p)
	return vg.Point{X: vg.Points(x), Y: vg.Points(y + mapFoot)}
}

// state draws one outline.
func state(c *draw.Canvas, ring []LonLat) {
	// One area for the whole ring: its points can lie on both sides of an edge.
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

// labels writes the texts of the dots beside them, where there is room.
func (m Map) labels(c *draw.Canvas, dots []Dot) {
	sty := bold(style(Ink.rgb(), labelSize, draw.XLeft, draw.YCenter))
	var taken []vg.Rectangle
	for _, d := range dots {
		if r := vg.Points(d.radius()); r > 3 {
			at := onMap(d.At)
			taken = append(taken, vg.Rectangle{Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r}})
		}
	}
	for _, d := range m.Dots {
		if d.Text == "" {
			continue
		}
		rooms := d.rooms(sty.Width(d.Text), 2)
		near := len(rooms)
		if d.Lead {
			rooms = append(rooms, d.rooms(sty.Width(d.Text), 16)...)
		}
		for i, room := range rooms {
			if slices.ContainsFunc(taken, func(t vg.Rectangle) bool { return overlap(t, room) }) {
				continue
			}
			taken = append(taken, room)
			if i >= near {
				leader(c, d, room)
			}
			c.FillText(sty, vg.Point{X: room.Min.X, Y: (room.Min.Y + room.Max.Y) / 2}, d.Text)
			break
		}
	}
}

// leader draws a line from a dot to the room of its text.
func leader(c *draw.Canvas, d Dot, room vg.Rectangle) {
	from := onMap(d.At)
	to := vg.Point{X: min(max(from.X, room.Min.X-1), room.Max.X+1), Y: min(max(from.Y, room.Min.Y), room.Max.Y)}
	c.StrokeLine2(stroke(Ink.rgb(), 0.6), from.X, from.Y, to.X, to.Y)
}

// rooms are the places for a dot's text at a distance, the best one first.
func (d Dot) rooms(width, gap vg.Length) []vg.Rectangle {
	const height = labelSize - 1
	at, r := onMap(d.At), vg.Points(d.radius())
	beside, above, aslant := r+gap, r+gap+height/2, 0.7*(r+gap)
	middles := []vg.Point{
		{X: beside + width/2}, {Y: above}, {X: -beside - width/2}, {Y: -above},
		{X: aslant + width/2, Y: aslant + height/2}, {X: aslant + width/2, Y: -aslant - height/2},
		{X: -aslant - width/2, Y: aslant + height/2}, {X: -aslant - width/2, Y: -aslant - height/2},
	}
	rooms := make([]vg.Rectangle, len(middles))
	for i, middle := range middles {
		half := vg.Point{X: width / 2, Y: height / 2}
		rooms[i] = vg.Rectangle{Min: at.Add(middle).Sub(half), Max: at.Add(middle).Add(half)}
	}
	return rooms
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
