package faults_test

import (
	"time"

	"github.com/ntxdev/jobsystem/testutil/proof"
)

// keepBusy has jobs of all types be waiting, and returns when a worker is at one.
func (s *scene) keepBusy(w *proof.Worker) {
	s.t.Helper()
	since := proof.Now()
	for range 4 {
		s.crowd.askEach()
	}
	until(s.t, func() bool { return s.begun(since, func(e proof.Entry) bool { return e.Worker == w.Name }) > 0 },
		func() string { return w.Name + " has begun nothing:\n" + w.Log() })
}

// awaitTakeover returns when others have begun a run of each type since a worker
// was cut off, or when its leases have been over for long: its connection may
// keep rows locked, and on SQLite the file.
func (s *scene) awaitTakeover(w *proof.Worker) {
	s.t.Helper()
	since := proof.Now()
	for deadline := time.Now().Add(4 * lease); time.Now().Before(deadline) && s.t.Context().Err() == nil; {
		last(s.t, 50*time.Millisecond)
		long := time.Duration(proof.Now()-since) > lease
		if long && s.begun(since, func(e proof.Entry) bool { return e.Worker != w.Name }) == len(s.settings.Types) {
			return
		}
	}
}

// begun is of how many types runs have begun since a moment, of those meant.
func (s *scene) begun(since proof.Moment, meant func(proof.Entry) bool) int {
	s.t.Helper()
	types := make(map[string]bool)
	for _, e := range s.ledger() {
		if e.What == proof.RunBegan && e.At > since && meant(e) {
			types[e.Type] = true
		}
	}
	return len(types)
}
