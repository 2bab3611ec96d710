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

// awaitTakeover returns when another worker has just begun a job that was under
// way at one that has been cut off, or when its leases have been over for long:
// its connection may keep rows locked, and on SQLite the file.
func (s *scene) awaitTakeover(w *proof.Worker) {
	s.t.Helper()
	since := proof.Now()
	for deadline := time.Now().Add(4 * lease); time.Now().Before(deadline) && s.t.Context().Err() == nil; {
		if s.takenOver(w, since) {
			s.takeovers++
			return
		}
		last(s.t, 20*time.Millisecond)
	}
}

// takenOver reports whether another worker has begun a job since a moment whose
// run before was the worker's, and did not end.
func (s *scene) takenOver(w *proof.Worker, since proof.Moment) bool {
	s.t.Helper()
	under := make(map[string]bool)
	for _, e := range s.ledger() {
		switch {
		case e.Worker != w.Name && e.What == proof.RunBegan && under[e.Job] && e.At > since:
			return true
		case e.What == proof.RunBegan:
			under[e.Job] = e.Worker == w.Name
		case e.Worker == w.Name && e.What == proof.RunOver && e.At < since:
			under[e.Job] = false
		}
	}
	return false
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
