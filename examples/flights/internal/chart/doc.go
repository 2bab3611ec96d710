// Package chart draws the figures of the flight report with gonum/plot: lines
// with bands, intervals, grids of coloured cells and a map of the United
// States, each as SVG to be put into HTML as it is. It knows how such figures
// look and nothing of what they show.
//
// The same figure always gives the same bytes.
//
// # Imports
//
// The standard library and gonum.org/v1/plot.
package chart
