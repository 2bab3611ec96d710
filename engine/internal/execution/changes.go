package execution

// changes says which parts of a run's state have changed and must be written.
type changes struct {
	// document says that the whole data document must be written. Otherwise records holds
	// the indexes of the records to write, and plan and result say whether these two
	// parts must be written.
	document bool
	records  map[int]bool
	plan     bool
	result   bool

	checkpoints bool
	// progress says that something happened that counts as progress for people.
	progress bool
}

func newChanges() changes { return changes{records: make(map[int]bool)} }

// pop returns the changes, and resets them.
func (c *changes) pop() changes {
	popped := *c
	*c = newChanges()
	return popped
}

// restore adds changes that could not be written.
func (c *changes) restore(unwritten changes) {
	c.document = c.document || unwritten.document
	c.plan = c.plan || unwritten.plan
	c.result = c.result || unwritten.result
	c.checkpoints = c.checkpoints || unwritten.checkpoints
	c.progress = c.progress || unwritten.progress
	for i := range unwritten.records {
		c.records[i] = true
	}
}

// discard drops the changes that the database may reject: all but the progress.
func (c *changes) discard() {
	progress := c.progress
	*c = newChanges()
	c.progress = progress
}

// record marks the record of step i as changed, which counts as progress.
func (c *changes) record(i int) { c.records[i], c.progress = true, true }
