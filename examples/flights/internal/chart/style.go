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

// The colours of texts, of late flights and of flights on time.
const (
	Ink Color = iota
	Muted
	Late
	OnTime
	LateBand
	LateCore
)

func (c Color) rgb() color.Color {
	switch c {
	case Muted:
		return hex(0x66707c)
	case Late:
		return hex(0xa8361a)
	case OnTime:
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
	noColor   = hex(0xb9c0c8) // for values that are NaN
	white     = hex(0xffffff)
)

func hex(rgb uint32) color.RGBA {
	return color.RGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 0xff} //nolint:gosec // keeps the low byte
}

// Width is the width of all figures, in points.
const Width = 700

const (
	textSize  = 11
	smallSize = 9.6
)

// style returns a text style with a colour, a size in points and an alignment.
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
