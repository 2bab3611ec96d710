package main

import (
	"encoding/json"
	"math"
)

const (
	// tolerance is the largest distance, in degrees, between a simplified outline and
	// the original: half the width of a line on the report's map.
	tolerance = 0.04
	// minExtent is the smallest extent, in degrees, of an island that is kept.
	minExtent = 0.3
)

// topology holds the used part of a TopoJSON file:
// https://github.com/topojson/topojson-specification
type topology struct {
	Transform struct {
		Scale     [2]float64 `json:"scale"`
		Translate [2]float64 `json:"translate"`
	} `json:"transform"`
	Arcs    [][][2]int64 `json:"arcs"`
	Objects struct {
		States struct {
			Geometries []struct {
				ID   int             `json:"id"`
				Type string          `json:"type"`
				Arcs json.RawMessage `json:"arcs"`
			} `json:"geometries"`
		} `json:"states"`
	} `json:"objects"`
}

type point [2]float64

// stateOutlines returns the outlines of the states, as [{"state": FIPS code,
// "rings": [[longitude, latitude, ...], ...]}], in hundredths of a degree.
func stateOutlines(pkg *npmPackage) ([]byte, error) {
	content, err := pkg.read("us-10m.json")
	if err != nil {
		return nil, err
	}
	var t topology
	if err := json.Unmarshal(content, &t); err != nil {
		return nil, err
	}
	// Simplify the arcs before joining them: neighbouring states share arcs, so their
	// borders still match.
	arcs := make([][]point, len(t.Arcs))
	for i := range t.Arcs {
		arcs[i] = simplify(t.absolute(i))
	}
	type state struct {
		State int     `json:"state"`
		Rings [][]int `json:"rings"`
	}
	var states []state
	for _, geometry := range t.Objects.States.Geometries {
		polygons, err := polygons(geometry.Type, geometry.Arcs)
		if err != nil {
			return nil, err
		}
		s := state{State: geometry.ID}
		for _, polygon := range polygons {
			for _, ring := range polygon {
				if outline := join(arcs, ring); extent(outline) >= minExtent {
					s.Rings = append(s.Rings, hundredths(outline))
				}
			}
		}
		if len(s.Rings) > 0 {
			states = append(states, s)
		}
	}
	return json.Marshal(states)
}

// absolute returns the coordinates of an arc: it decodes the deltas and the
// quantization.
func (t *topology) absolute(arc int) []point {
	points := make([]point, len(t.Arcs[arc]))
	var x, y int64
	for i, d := range t.Arcs[arc] {
		x, y = x+d[0], y+d[1]
		points[i] = point{
			float64(x)*t.Transform.Scale[0] + t.Transform.Translate[0],
			float64(y)*t.Transform.Scale[1] + t.Transform.Translate[1],
		}
	}
	return points
}

// polygons returns the polygons of a Polygon or MultiPolygon. Each polygon is a list
// of rings, each ring a list of arc numbers.
func polygons(kind string, arcs json.RawMessage) ([][][]int, error) {
	if kind == "Polygon" {
		var polygon [][]int
		err := json.Unmarshal(arcs, &polygon)
		return [][][]int{polygon}, err
	}
	var polygons [][][]int
	err := json.Unmarshal(arcs, &polygons)
	return polygons, err
}

// join joins the arcs of a ring. The number ^n means arc n in reverse. The first
// point of each arc equals the last one of the previous arc.
func join(arcs [][]point, ring []int) []point {
	var outline []point
	for _, n := range ring {
		arc := arcs[max(n, ^n)]
		for i := range arc {
			if i == 0 && len(outline) > 0 {
				continue
			}
			if n < 0 {
				outline = append(outline, arc[len(arc)-1-i])
			} else {
				outline = append(outline, arc[i])
			}
		}
	}
	return outline
}

// simplify simplifies a line with the Ramer-Douglas-Peucker algorithm.
func simplify(line []point) []point {
	if len(line) < 3 {
		return line
	}
	farthest, at := 0.0, 0
	for i := 1; i < len(line)-1; i++ {
		if d := offset(line[i], line[0], line[len(line)-1]); d > farthest {
			farthest, at = d, i
		}
	}
	if farthest <= tolerance {
		return []point{line[0], line[len(line)-1]}
	}
	return append(simplify(line[:at+1:at+1]), simplify(line[at:])[1:]...)
}

// offset returns the distance of p from the line through a and b, or from a if a and
// b are equal.
func offset(p, a, b point) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	length := math.Hypot(dx, dy)
	if length == 0 {
		return math.Hypot(p[0]-a[0], p[1]-a[1])
	}
	return math.Abs(dy*(p[0]-a[0])-dx*(p[1]-a[1])) / length
}

// extent returns the longer side of an outline's bounding box.
func extent(outline []point) float64 {
	low, high := outline[0], outline[0]
	for _, p := range outline {
		low = point{min(low[0], p[0]), min(low[1], p[1])}
		high = point{max(high[0], p[0]), max(high[1], p[1])}
	}
	return max(high[0]-low[0], high[1]-low[1])
}

// hundredths returns the coordinates in hundredths of a degree, in one list.
func hundredths(outline []point) []int {
	flat := make([]int, 0, 2*len(outline))
	for _, p := range outline {
		flat = append(flat, int(math.Round(p[0]*100)), int(math.Round(p[1]*100)))
	}
	return flat
}
