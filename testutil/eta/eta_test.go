package eta_test

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/testutil/eta"
)

// They are few, so that the test takes seconds; -jobs 400 gives what the documentation shows.
var jobs = flag.Int("jobs", 60, "simulated jobs for each cell of the table")

var shapes = []eta.Shape{eta.Constant, eta.RampingUp, eta.Bursty, eta.LongTail}

// kinds are the cases of the table, each for all shapes.
var kinds = []eta.Case{
	{},
	{Wrong: true},
	{Earlier: 9},
	{Earlier: 9, Wrong: true},
	{Earlier: 9, Wrong: true, Sigma: 0.2},
	{Earlier: 9, Sigma: 0.7},
	{Earlier: 9, Sigma: 0.7, Known: eta.AtBegin},
	{Earlier: 9, Sigma: 0.7, Known: eta.Declared},
	{Earlier: 9, Wrong: true, Sigma: 0.7},
	{Earlier: 9, Wrong: true, Sigma: 0.7, Known: eta.Declared},
	{Earlier: 9, Sigma: 0.7, Apart: true},
	{Earlier: 9, Sigma: 0.7, Apart: true, Known: eta.Declared},
	{Earlier: 9, Sigma: 0.7, Silent: true},
	{Earlier: 9, Sigma: 0.7, Silent: true, Known: eta.AtBegin},
	{Earlier: 3, Sigma: 0.7},
	{Earlier: 20, Wrong: true, Sigma: 0.7},
}

// cell is a row of the table, with what was measured.
type cell struct {
	eta.Case
	errors map[string][]float64 // by the name of the method
	looks  eta.Looks
}

func measure(c eta.Case) cell {
	runs := c.Runs(*jobs)
	one := cell{Case: c, errors: make(map[string][]float64)}
	for _, m := range eta.Methods {
		if c.Earlier == 0 && m.Name == eta.Medians.Name {
			continue
		}
		one.errors[m.Name] = eta.Errors(runs, m)
	}
	one.looks = eta.LookAt(runs, eta.Product)
	return one
}

// percent writes errors as the table has them.
func percent(errors []float64) string {
	parts := make([]string, len(errors))
	for i, e := range errors {
		parts[i] = fmt.Sprintf("%.0f", 100*e)
	}
	return strings.Join(parts, "/")
}

func mean(errors []float64) (sum float64) {
	for _, e := range errors {
		sum += e / float64(len(errors))
	}
	return sum
}

func (c cell) write(w io.Writer) {
	fmt.Fprintf(w, "%s\t%s", c.Case, c.Shape)
	for _, m := range eta.Methods {
		text := "-"
		if errors, ok := c.errors[m.Name]; ok {
			text = percent(errors)
		}
		fmt.Fprintf(w, "\t%s", text)
	}
	l := c.looks
	fmt.Fprintf(w, "\t%d\t%d\t", l.Sudden, l.Tiny)
	if l.Ranges > 0 {
		fmt.Fprintf(w, "%d %%", 100*l.Within/l.Ranges)
	}
	fmt.Fprintln(w)
}

// TestETA prints the table of the package's documentation, and checks what the estimates of
// package progress promise. All jobs are the same at each run of the test.
func TestETA(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "history and weights\tshape")
	for _, m := range eta.Methods {
		fmt.Fprintf(w, "\t%s", m.Name)
	}
	fmt.Fprintln(w, "\tsudden\ttiny\twithin p90")
	for _, c := range kinds {
		for _, c.Shape = range shapes {
			one := measure(c)
			one.write(w)
			one.check(t)
		}
	}
	w.Flush()
	t.Log("\n" + table.String())
}

// check checks what must hold in each cell.
func (c cell) check(t *testing.T) {
	t.Helper()
	name := fmt.Sprint(c.Case, ", ", c.Shape)
	const small = 0.02 // below that, nothing is worse than anything else
	ours := c.errors[eta.Product.Name]

	best := mean(c.errors[eta.Linear.Name])
	if history, ok := c.errors[eta.Medians.Name]; ok {
		best = min(best, mean(history))
	}
	assert.LessOrEqual(t, mean(ours), 1.2*best+small, "%s: worse than the better of linear extrapolation and history", name)

	atMost := func(limit float64, from int) {
		for i, e := range ours[from:] {
			assert.LessOrEqual(t, e, limit, "%s: at %.0f %%", name, 100*eta.Marks[from+i])
		}
	}
	switch {
	case c.Earlier == 0:
	case c.Shape == eta.Constant && c.Sigma == 0:
		atMost(0.02, 0)
	case c.Shape == eta.Constant && c.Known != eta.Never:
		atMost(0.05, 0)
	case c.Shape == eta.Constant && !c.Apart:
		atMost(0.10, 2)
	}

	// In a long tail, the last item may take longer than a hundred others: no estimate knows.
	// And a phase whose size is unknown, and like that of no other, is news when it has begun.
	looks, rarely := c.looks, 0
	if c.Shape == eta.LongTail || c.Apart {
		rarely = looks.Looks / 1000
	}
	assert.LessOrEqual(t, looks.Tiny, rarely, "%s: less than a tenth of the truth was shown", name)
	if !c.Apart || c.Known == eta.Declared {
		if c.Shape == eta.Bursty || c.Shape == eta.LongTail {
			rarely = looks.Looks / 500
		}
		assert.LessOrEqual(t, looks.Sudden, rarely, "%s: the estimate jumped although the job went on evenly", name)
	}
	if looks.Ranges > 0 {
		within := float64(looks.Within) / float64(looks.Ranges)
		assert.GreaterOrEqual(t, within, 0.8, "%s: the true time is within the 90th percentile too rarely", name)
	}
}
