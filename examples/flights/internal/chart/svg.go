package chart

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// render returns a figure with the given height as an <svg> element that fills the
// available width. Label describes the figure for screen readers.
func render(label string, height float64, paint func(c draw.Canvas)) ([]byte, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(Width, vg.Points(height)))
	paint(draw.New(canvas))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw: %w", err)
	}
	return inline(label, height, out.String())
}

// fontFamily lists fonts with the same metrics as Liberation, which measured the
// texts.
const fontFamily = "Arial, 'Liberation Sans', Helvetica, sans-serif"

var (
	fontNames  = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:([^;"]*);font-style:[^;"]*;?`)
	openingTag = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
)

// inline converts an SVG file to an HTML element: without the XML header and the
// namespaces, without fixed sizes, and with the font set once.
func inline(label string, height float64, svg string) ([]byte, error) {
	head := openingTag.FindString(svg)
	if head == "" {
		return nil, fmt.Errorf("draw: the canvas wrote no <svg> element")
	}
	body := fontNames.ReplaceAllStringFunc(strings.TrimPrefix(svg, head), func(names string) string {
		if fontNames.FindStringSubmatch(names)[1] == "bold" {
			return "font-weight:bold;"
		}
		return ""
	})
	return fmt.Appendf(nil, `<svg viewBox="0 0 %d %g" role="img" aria-label="%s" font-family="%s">%s`,
		Width, height, html.EscapeString(label), fontFamily, strings.TrimSpace(body)), nil
}
