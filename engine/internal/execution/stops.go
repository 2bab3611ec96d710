package execution

// stops are the reasons for which a run is to end before its steps are done, other
// than that its row is not its own any more or that its time is up. They add up.
type stops struct {
	cancelled bool // a cancel request was seen
	handOver  bool // the engine stops, and the job is handed over at the next boundary
	told      bool // a checkpoint has told the step of the reason
	expired   bool // the lease could not be renewed in time
	// txExceedsLease says that the lease expired because of what a step did in its
	// transaction.
	txExceedsLease bool
}

// leaseLost reports whether another engine may have taken the job over.
func (s stops) leaseLost() bool { return s.expired && !s.txExceedsLease }
