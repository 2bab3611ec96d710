package chart

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Ramp is a scale of colours, from light for Low to dark for High. Values beyond an
// end have the colour of that end.
type Ramp struct {
	Low, High float64
	Ticks     []Tick
	Title     string
}

// rampColors become darker along the ramp, so their order is visible to readers with
// red-green colour blindness and in a grey print.
var rampColors = [...]color.RGBA{
	hex(0xfdf3e3), hex(0xfad9ae), hex(0xf3ac77), hex(0xdf744a), hex(0xb43f26), hex(0x781d1a), hex(0x430c12),
}

func (r Ramp) color(value float64) color.RGBA {
	if math.IsNaN(value) {
		return noColor
	}
	at := min(max((value-r.Low)/(r.High-r.Low), 0), 1) * float64(len(rampColors)-1)
	below := min(int(at), len(rampColors)-2)
	a, b, part := rampColors[below], rampColors[below+1], at-float64(below)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + part*(float64(b)-float64(a)))) }
	return color.RGBA{R: mix(a.R, b.R), G: mix(a.G, b.G), B: mix(a.B, b.B), A: 0xff}
}

const legendWidth, legendHeight = 200.0, 9.0

// legend draws the scale with its top left corner at at.
func (r Ramp) legend(c *draw.Canvas, at vg.Point) {
	c.FillText(style(Muted.rgb(), smallSize, draw.XLeft, draw.YTop), at, r.Title)
	top := at.Y - 14
	const cells = 60
	for i := range cells {
		left := at.X + vg.Points(legendWidth*float64(i)/cells)
		// The cells overlap slightly, so that no gap between two is visible.
		right := min(left+vg.Points(legendWidth/cells+0.5), at.X+legendWidth)
		value := r.Low + (float64(i)+0.5)/cells*(r.High-r.Low)
		box(c, vg.Rectangle{Min: vg.Point{X: left, Y: top - legendHeight}, Max: vg.Point{X: right, Y: top}}, r.color(value))
	}
	for _, tick := range r.Ticks {
		x := at.X + vg.Points(legendWidth*(tick.At-r.Low)/(r.High-r.Low))
		c.StrokeLine2(stroke(Muted.rgb(), 0.7), x, top-legendHeight, x, top-legendHeight-3)
		c.FillText(style(Muted.rgb(), smallSize, draw.XCenter, draw.YTop), vg.Point{X: x, Y: top - legendHeight - 4}, tick.Text)
	}
}
