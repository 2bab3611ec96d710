// Package chart draws the figures of the flight report with gonum/plot: lines with
// bands, intervals, grids of coloured cells, and a map of the United States. Each is
// an SVG element that can be inserted into HTML. The package defines the appearance
// of the figures and does not depend on the data they show.
//
// The same figure always gives the same bytes.
//
// # Imports
//
// It may import the standard library, gonum.org/v1/plot and golang.org/x/image/font.
package chart
