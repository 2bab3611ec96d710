package execution

import "github.com/ntxdev/jobsystem/model"

// decision is how a run must end, decided from outside of its steps. The run's lock guards
// known and unread.
type decision struct {
	known  *model.Decision // nil for none
	unread bool            // the run's row has one that is not known yet
	// came is closed when the row is known to have a decision.
	came chan struct{}
}

// newDecision returns the decision of a run whose row has one, or none yet.
func newDecision(made bool) decision {
	d := decision{came: make(chan struct{})}
	if made {
		d.note()
	}
	return d
}

// note says that the row has a decision. The run's lock is held.
func (d *decision) note() {
	d.unread = d.known == nil
	d.announce()
}

// set says which decision the row has. The run's lock is held.
func (d *decision) set(known model.Decision) {
	d.known, d.unread = &known, false
	d.announce()
}

func (d *decision) announce() {
	select {
	case <-d.came:
	default:
		close(d.came)
	}
}
