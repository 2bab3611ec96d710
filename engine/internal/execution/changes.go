package execution

// changes are what of a run's state is to be written.
type changes struct {
	// document says that the data document has to be written whole; otherwise records
	// has the indexes of the records to be written, and plan and result say whether
	// those are.
	document bool
	records  map[int]bool
	plan     bool
	result   bool

	checkpoints bool
	// progress says that something happened that people want to see.
	progress bool
}

func newChanges() changes { return changes{records: make(map[int]bool)} }

// take returns the changes, and leaves none.
func (c *changes) take() changes {
	taken := *c
	*c = newChanges()
	return taken
}

// restore adds changes that were taken and could not be written.
func (c *changes) restore(taken changes) {
	c.document = c.document || taken.document
	c.plan = c.plan || taken.plan
	c.result = c.result || taken.result
	c.checkpoints = c.checkpoints || taken.checkpoints
	c.progress = c.progress || taken.progress
	for i := range taken.records {
		c.records[i] = true
	}
}

// discard drops what the database may reject: all but the progress.
func (c *changes) discard() {
	progress := c.progress
	*c = newChanges()
	c.progress = progress
}

// record notes that the record of step i has changed, which people want to see.
func (c *changes) record(i int) { c.records[i], c.progress = true, true }
