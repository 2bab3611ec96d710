// Command figure draws how far estimates of the remaining time are off: the figure in the
// README, from what package testutil/eta measures.
//
//	go run . -o ../eta.svg
//
// It is a module of its own, so that what it draws with does not enter the product's
// dependencies.
package main

import (
	"flag"
	"fmt"
	"image/color"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/ntxdev/jobsystem/testutil/eta"
)

// most is the largest error that the figure shows.
const most = 100

// The rows of the figure: jobs alike, and jobs of different sizes.
var rows = []eta.Case{
	{Earlier: 9, Wrong: true},
	{Earlier: 9, Wrong: true, Sigma: 0.7},
}

var shapes = []eta.Shape{eta.Constant, eta.RampingUp, eta.Bursty, eta.LongTail}

// looks are the line of each method.
var looks = map[string]draw.LineStyle{
	eta.Linear.Name:  {Color: color.Gray{Y: 0x60}, Width: vg.Points(1.2)},
	eta.TQDM.Name:    {Color: color.RGBA{R: 0xe6, G: 0x9f, A: 0xff}, Width: vg.Points(1.2), Dashes: []vg.Length{4, 2}},
	eta.MPB.Name:     {Color: color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, Width: vg.Points(1.2), Dashes: []vg.Length{1, 2}},
	eta.Medians.Name: {Color: color.RGBA{G: 0x9e, B: 0x73, A: 0xff}, Width: vg.Points(1.2), Dashes: []vg.Length{6, 3}},
	eta.Product.Name: {Color: color.RGBA{G: 0x72, B: 0xb2, A: 0xff}, Width: vg.Points(2.4)},
}

func main() {
	file := flag.String("o", "eta.svg", "the file to write")
	jobs := flag.Int("jobs", 400, "simulated jobs for each point")
	flag.Parse()
	if err := write(*file, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, "figure:", err)
		os.Exit(1)
	}
}

func write(name string, jobs int) error {
	plots := make([][]*plot.Plot, len(rows))
	for i, row := range rows {
		for k, shape := range shapes {
			row.Shape = shape
			p, err := panel(row, jobs, i == 0 && k == 0)
			if err != nil {
				return err
			}
			plots[i] = append(plots[i], p)
		}
	}
	canvas := vgsvg.New(24*vg.Centimeter, 12*vg.Centimeter)
	tiles := draw.Tiles{Rows: len(rows), Cols: len(shapes), PadX: vg.Points(8), PadY: vg.Points(10), PadTop: vg.Points(4), PadRight: vg.Points(6)}
	for i, row := range plot.Align(plots, tiles, draw.New(canvas)) {
		for k, at := range row {
			plots[i][k].Draw(at)
		}
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// panel draws the errors of all methods in one case.
func panel(c eta.Case, jobs int, legend bool) (*plot.Plot, error) {
	p := plot.New()
	sizes := "jobs of one size"
	if c.Sigma > 0 {
		sizes = "sizes vary"
	}
	p.Title.Text = fmt.Sprintf("%s, %s", c.Shape, sizes)
	p.X.Label.Text, p.Y.Label.Text = "% of the time", "error, %"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 100, 0, most
	p.Legend.Top = true
	runs := c.Runs(jobs)
	for _, m := range eta.Methods {
		points := make(plotter.XYs, len(eta.Marks))
		for i, e := range eta.Errors(runs, m) {
			points[i] = plotter.XY{X: 100 * eta.Marks[i], Y: min(most, 100*e)}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.LineStyle = looks[m.Name]
		p.Add(line)
		if legend {
			p.Legend.Add(m.Name, line)
		}
	}
	return p, nil
}
