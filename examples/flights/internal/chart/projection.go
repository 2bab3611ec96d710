package chart

import "math"

// LonLat is a place on the earth, in degrees.
type LonLat struct{ Lon, Lat float64 }

// albers is Albers' projection, which keeps areas in proportion. The parallels
// it is true at, and the place that becomes 0, 0; a unit is the earth's radius.
type albers struct {
	south, north float64
	center       LonLat
}

func (a albers) project(p LonLat) (x, y float64) {
	sin1, sin2 := math.Sin(a.south*math.Pi/180), math.Sin(a.north*math.Pi/180)
	n := (sin1 + sin2) / 2
	k := 1 - sin1*sin1 + 2*n*sin1
	radius := func(lat float64) float64 { return math.Sqrt(k-2*n*math.Sin(lat*math.Pi/180)) / n }
	// The Aleutians reach over the 180th meridian.
	turn := math.Mod(p.Lon-a.center.Lon+540, 360) - 180
	angle := n * turn * math.Pi / 180
	return radius(p.Lat) * math.Sin(angle), radius(a.center.Lat) - radius(p.Lat)*math.Cos(angle)
}

// area is a part of the map with a projection of its own. Its centre is at x, y
// in points, and a unit of the projection has scale points.
type area struct {
	albers
	x, y, scale float64
	holds       func(p LonLat) bool
}

func (a area) place(p LonLat) (x, y float64) {
	x, y = a.project(p)
	return a.x + x*a.scale, a.y + y*a.scale
}

// areas of the map, the first that holds a place shows it. Alaska is drawn at
// about a third of the scale.
var areas = []area{{
	albers: albers{55, 65, LonLat{-152, 63}},
	x:      95, y: 92, scale: 260,
	holds: func(p LonLat) bool { return p.Lat > 50 && (p.Lon < -129 || p.Lon > 170) },
}, {
	albers: albers{19, 22, LonLat{-157.4, 20.6}},
	x:      222, y: 44, scale: 700,
	holds: func(p LonLat) bool { return p.Lat < 24 && p.Lon < -150 },
}, {
	albers: albers{17.5, 18.5, LonLat{-65.9, 18.1}},
	x:      622, y: 34, scale: 1150,
	holds: func(p LonLat) bool { return p.Lat < 20 && p.Lon > -70 },
}, {
	albers: albers{29.5, 45.5, LonLat{-95.9, 37.8}},
	x:      350, y: 238, scale: 905,
	holds: func(LonLat) bool { return true },
}}

func areaOf(p LonLat) area {
	for _, a := range areas[:len(areas)-1] {
		if a.holds(p) {
			return a
		}
	}
	return areas[len(areas)-1]
}
