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

// render draws a figure of the given height and returns it as an <svg> element
// that fills the width it is given. Label says in words what it shows, for
// those who do not see it.
func render(label string, height float64, paint func(c draw.Canvas)) ([]byte, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(Width, vg.Points(height)))
	paint(draw.New(canvas))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw: %w", err)
	}
	return inline(label, height, out.String())
}

// The family has Liberation's metrics everywhere, so what was measured with
// Liberation fits.
const family = "Arial, 'Liberation Sans', Helvetica, sans-serif"

var (
	fontNames = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:([^;"]*);font-style:[^;"]*;?`)
	opening   = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
)

// inline makes an element of HTML from an SVG file: without the XML header and
// namespaces, without fixed sizes, and with the font named once.
func inline(label string, height float64, svg string) ([]byte, error) {
	head := opening.FindString(svg)
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
		Width, height, html.EscapeString(label), family, strings.TrimSpace(body)), nil
}
