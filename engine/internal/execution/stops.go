package execution

// stops holds the reasons why a run must end before its steps are done, except that its row
// is no longer its own and that its time is up. Several reasons can be set.
type stops struct {
	cancelled bool // a cancel request was seen
	handOver  bool // the engine stops, and the job is handed over at the next boundary
	reported  bool // a checkpoint has reported the reason to the step
	expired   bool // the lease could not be renewed in time
	// txExceedsLease says that the lease expired because a step worked too long in its
	// transaction.
	txExceedsLease bool
}

// leaseLost reports whether another engine may have taken the job over.
func (s stops) leaseLost() bool { return s.expired && !s.txExceedsLease }
