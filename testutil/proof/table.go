package proof

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// Table is the results of a proof: a line for each fault. It is safe for concurrent use.
type Table struct {
	mu    sync.Mutex
	lines map[string]*line
}

type line struct {
	tried, lost, doubled, wedged int
	longest                      time.Duration
}

// Add adds that a fault was tried some times, with what was found and the longest time
// until another process had continued.
func (table *Table) Add(fault string, times int, findings []Finding, recovered time.Duration) {
	table.mu.Lock()
	defer table.mu.Unlock()
	if table.lines == nil {
		table.lines = make(map[string]*line)
	}
	l := table.lines[fault]
	if l == nil {
		l = &line{}
		table.lines[fault] = l
	}
	l.tried += times
	l.lost += Count(findings, Lost)
	l.doubled += Count(findings, Doubled)
	l.wedged += Count(findings, Wedged)
	l.longest = max(l.longest, recovered)
}

func (table *Table) String() string {
	table.mu.Lock()
	defer table.mu.Unlock()
	faults := make([]string, 0, len(table.lines))
	for fault := range table.lines {
		faults = append(faults, fault)
	}
	slices.Sort(faults)
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\ttried\tlost\tdoubled\twedged\tlongest to recover")
	all := line{}
	for _, fault := range faults {
		l := table.lines[fault]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%v\n", fault, l.tried, l.lost, l.doubled, l.wedged, l.longest.Round(time.Millisecond))
		all = line{all.tried + l.tried, all.lost + l.lost, all.doubled + l.doubled, all.wedged + l.wedged, max(all.longest, l.longest)}
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\t%v\n", all.tried, all.lost, all.doubled, all.wedged, all.longest.Round(time.Millisecond))
	w.Flush()
	return text.String()
}

// Report fails the test for each finding, and prints the first ones.
func Report(t testing.TB, where string, findings []Finding) {
	t.Helper()
	const most = 20
	for i, f := range findings {
		if i == most {
			t.Errorf("%s: and %d more", where, len(findings)-most)
			return
		}
		t.Errorf("%s: %v", where, f)
	}
}
