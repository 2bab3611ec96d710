package chart

import "math"

// LonLat is a longitude and a latitude, in degrees.
type LonLat struct{ Lon, Lat float64 }

// albers is the Albers projection, which preserves areas, with its two standard
// parallels, and the center that it maps to 0, 0. Its unit is the radius of the
// earth.
type albers struct {
	south, north float64
	center       LonLat
}

func (a albers) project(p LonLat) (x, y float64) {
	sin1, sin2 := math.Sin(a.south*math.Pi/180), math.Sin(a.north*math.Pi/180)
	n := (sin1 + sin2) / 2
	k := 1 - sin1*sin1 + 2*n*sin1
	radius := func(lat float64) float64 { return math.Sqrt(k-2*n*math.Sin(lat*math.Pi/180)) / n }
	// The Aleutians extend over the 180th meridian.
	longitude := math.Mod(p.Lon-a.center.Lon+540, 360) - 180
	angle := n * longitude * math.Pi / 180
	return radius(p.Lat) * math.Sin(angle), radius(a.center.Lat) - radius(p.Lat)*math.Cos(angle)
}

// area is a part of the map with its own projection. The projection's center is at
// x, y, and its unit is scale, all in points.
type area struct {
	albers
	x, y, scale float64
	contains    func(p LonLat) bool
}

func (a area) place(p LonLat) (x, y float64) {
	x, y = a.project(p)
	return a.x + x*a.scale, a.y + y*a.scale
}

// areas holds the areas of the map. A place is shown in the first area that contains
// it. Alaska has about a third of the scale.
var areas = []area{{
	albers: albers{55, 65, LonLat{-152, 63}},
	x:      95, y: 92, scale: 260,
	contains: func(p LonLat) bool { return p.Lat > 50 && (p.Lon < -129 || p.Lon > 170) },
}, {
	albers: albers{19, 22, LonLat{-157.4, 20.6}},
	x:      222, y: 44, scale: 700,
	contains: func(p LonLat) bool { return p.Lat < 24 && p.Lon < -150 },
}, {
	albers: albers{17.5, 18.5, LonLat{-65.9, 18.1}},
	x:      622, y: 34, scale: 1150,
	contains: func(p LonLat) bool { return p.Lat < 20 && p.Lon > -70 },
}, {
	albers: albers{29.5, 45.5, LonLat{-95.9, 37.8}},
	x:      350, y: 238, scale: 905,
	contains: func(LonLat) bool { return true },
}}

func areaOf(p LonLat) area {
	for _, a := range areas[:len(areas)-1] {
		if a.contains(p) {
			return a
		}
	}
	return areas[len(areas)-1]
}
