package chart

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Color is one of the colours of the report.
type Color int

// The colours: what is late, what is on time, and what is neither.
const (
	Ink Color = iota
	Muted
	Late
	Calm
	LateBand
	LateCore
)

func (c Color) rgb() color.Color {
	switch c {
	case Muted:
		return hex(0x66707c)
	case Late:
		return hex(0xa8361a)
	case Calm:
		return hex(0x23698c)
	case LateBand:
		return hex(0xf8e3d6)
	case LateCore:
		return hex(0xefbfa3)
	default:
		return hex(0x1f2733)
	}
}

var (
	gridColor = hex(0xe3e6ea)
	landColor = hex(0xeef0f2)
	noColor   = hex(0xb9c0c8) // of dots without a value
	white     = hex(0xffffff)
)

func hex(rgb uint32) color.RGBA {
	return color.RGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 0xff} //nolint:gosec // the low byte is what is wanted
}

// Width is the width of all figures, in points.
const Width = 700

const (
	textSize  = 11
	smallSize = 9.6
)

// style is the text style for a colour, a size in points and an alignment.
func style(c color.Color, size float64, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color:  c,
		Font:   font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)},
		XAlign: x, YAlign: y,
		Handler: text.Plain{Fonts: font.DefaultCache},
	}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = xfont.WeightBold
	return s
}

func stroke(c color.Color, width float64) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: vg.Points(width)}
}
