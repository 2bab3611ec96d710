package proof

import "time"

// Recoveries are the times from each death of a worker during a run to the begin of the
// next run of that type, in any worker.
func Recoveries(ledger []Entry, fleets ...*Fleet) (all []time.Duration) {
	dead := make(map[string]Moment)
	for _, f := range fleets {
		for _, w := range f.Workers() {
			for _, span := range w.Still() {
				if _, known := dead[w.Name]; !known && span.End == 0 {
					dead[w.Name] = span.Begin
				}
			}
		}
	}
	// The runs that are in progress, by type.
	under := make(map[string]Entry)
	for _, e := range ledger {
		switch e.What {
		case RunBegan:
			before, ok := under[e.Type]
			if died, is := dead[before.Worker]; ok && is && e.Worker != before.Worker && e.At > died {
				all = append(all, e.At.Sub(died))
			}
			under[e.Type] = e
		case RunOver:
			if before := under[e.Type]; before.Job == e.Job && before.Run == e.Run {
				delete(under, e.Type)
			}
		}
	}
	return all
}
