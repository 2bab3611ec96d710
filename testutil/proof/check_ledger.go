package proof

import (
	"slices"
	"time"
)

// doing is what a run did, by the ledgers.
type doing struct {
	run
	jobType string
	worker  string
	began   Moment
	claimed time.Time // by the database's clock
	steps   []interval
}

// interval is one call of a step's function. Its end is zero if its process died during the
// call, or it still runs.
type interval struct {
	step       string
	begin, end Moment
}

// ledger checks the ledgers against the records, and against each other.
func (c *checker) ledger() {
	known := make(map[string]Job, len(c.Jobs))
	for _, job := range c.Jobs {
		known[job.ID] = job
	}
	runs := c.doings(known)
	c.records(runs)
	byType := make(map[string][]*doing)
	byJob := make(map[string][]*doing)
	for _, d := range runs {
		byType[d.jobType] = append(byType[d.jobType], d)
		byJob[d.job] = append(byJob[d.job], d)
	}
	for _, of := range byType {
		c.overlaps(of)
	}
	for _, of := range byJob {
		c.order(of)
	}
}

// doings returns the runs of the jobs in the order of their begins.
func (c *checker) doings(known map[string]Job) (runs []*doing) {
	at := make(map[run]*doing)
	for _, e := range c.Ledger {
		if _, ok := known[e.Job]; !ok {
			continue
		}
		id := run{e.Job, e.Run}
		d := at[id]
		if d == nil {
			d = &doing{run: id, jobType: e.Type, worker: e.Worker, began: e.At}
			at[id] = d
			runs = append(runs, d)
		} else if d.worker != e.Worker || e.What == RunBegan {
			c.find(Doubled, e.Job, "was run twice under its attempt %d: by %s, and by %s", e.Run, d.worker, e.Worker)
		}
		switch e.What {
		case RunBegan:
			d.claimed = e.Claimed
		case StepBegan:
			d.steps = append(d.steps, interval{step: e.Step, begin: e.At})
		case StepEnded:
			i := slices.IndexFunc(d.steps, func(i interval) bool { return i.step == e.Step && i.end == 0 })
			if i < 0 {
				c.find(Doubled, e.Job, "has an end of its step %q in the ledger of %s, and no begin", e.Step, e.Worker)
				continue
			}
			d.steps[i].end = e.At
		}
	}
	return runs
}

// records checks the begins of steps against their records.
func (c *checker) records(runs []*doing) {
	begun := make(map[string]map[string]bool)
	for _, d := range runs {
		if begun[d.job] == nil {
			begun[d.job] = make(map[string]bool)
		}
		for _, i := range d.steps {
			begun[d.job][i.step] = true
			record, ok := c.watch.completed[d.job][i.step]
			if ok && i.begin > record.at && !c.superseded(runs, d, i.begin) {
				c.find(Doubled, d.job, "has begun its step %q again under attempt %d, %v after it was seen completed: %s", i.step, d.attempt, i.begin.Sub(record.at), record.raw)
			}
		}
	}
	for _, job := range c.Jobs {
		for _, step := range KindOf(job.Type).Want(job.N).Steps {
			if _, ok := c.watch.completed[job.ID][step.Name]; ok && !step.Waits && !begun[job.ID][step.Name] {
				c.find(Lost, job.ID, "has its step %q recorded as completed, and it never began", step.Name)
			}
		}
	}
}

// superseded reports whether a later run of the same job had begun by a moment, and the
// earlier one may not have known.
func (c *checker) superseded(runs []*doing, d *doing, at Moment) bool {
	return slices.ContainsFunc(runs, func(later *doing) bool {
		return later.job == d.job && later.attempt > d.attempt && later.began < at && c.excused(d, later)
	})
}

// overlaps checks that the runs of a type work one at a time.
func (c *checker) overlaps(runs []*doing) {
	for n, later := range runs {
		if len(later.steps) == 0 {
			continue
		}
		at := later.steps[0].begin
		for _, earlier := range runs[:n] {
			i := slices.IndexFunc(earlier.steps, func(i interval) bool { return i.end == 0 || i.end > at })
			if i >= 0 && !c.excused(earlier, later) {
				c.find(Doubled, later.job, "has begun its step %q (attempt %d, %s) while the step %q of job %s of the same type was under way (attempt %d, %s)",
					later.steps[0].step, later.attempt, later.worker, earlier.steps[i].step, earlier.job, earlier.attempt, earlier.worker)
			}
		}
	}
}

// order checks that a job's runs began in the order of their attempts.
func (c *checker) order(runs []*doing) {
	for i := 1; i < len(runs); i++ {
		if before, after := runs[i-1], runs[i]; after.attempt < before.attempt && !c.excused(after, before) {
			c.find(Doubled, after.job, "has begun its attempt %d (%s) after its attempt %d (%s)", after.attempt, after.worker, before.attempt, before.worker)
		}
	}
}

// excused reports whether a run's process could not know that a later run had replaced it:
// it was dead or frozen when the later run began, or its lease had expired when the later
// run was claimed: the lease that was seen last, or that of its claim.
func (c *checker) excused(earlier, later *doing) bool {
	at := later.began
	ahead := c.Lease - c.Heartbeat // a lease lasts at least that long when its engine stops renewing it
	for _, span := range c.still(earlier.worker) {
		long := span.End == 0 || span.End.Sub(span.Begin) >= ahead
		if span.Holds(at) || long && at.Sub(span.Begin) >= ahead {
			return true
		}
	}
	until := earlier.claimed.Add(c.Lease)
	if seen := c.watch.leased[earlier.run]; seen.After(until) {
		until = seen
	}
	return !earlier.claimed.IsZero() && !until.After(later.claimed.Add(clockGrain))
}

// clockGrain is how exact the coarsest of the databases' clocks is.
const clockGrain = time.Millisecond

func (c *checker) still(worker string) []Span {
	for _, f := range c.Fleets {
		for _, w := range f.Workers() {
			if w.Name == worker {
				return w.Still()
			}
		}
	}
	return nil
}
