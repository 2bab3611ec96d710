package faults_test

import (
	"time"

	"github.com/ntxdev/jobsystem/testutil/proof"
)

// keepBusy enqueues jobs of all types, and returns when a worker has begun one.
// A worker that ends a job claims the next one of its type, so that another may
// hold each type as long as its backlog lasts: meanwhile the crowd enqueues no more,
// and jobs of all types are enqueued again once those before have begun.
func (s *scene) keepBusy(w *proof.Worker) {
	s.t.Helper()
	s.crowd.paused.Store(true)
	defer s.crowd.paused.Store(false)
	since, waiting := proof.Now(), make(map[string]bool)
	until(s.t, func() bool {
		for _, e := range s.ledger() {
			if e.What == proof.RunBegan && e.At > since {
				if e.Worker == w.Name {
					return true
				}
				delete(waiting, e.Job)
			}
		}
		if len(waiting) == 0 {
			before := len(s.crowd.all())
			for range 4 {
				s.crowd.askEach()
			}
			for _, job := range s.crowd.all()[before:] {
				waiting[job.ID] = true
			}
		}
		return false
	}, func() string { return w.Name + " has begun nothing:\n" + w.Log() })
}

// awaitTakeover returns when another worker has just begun a job that was running in one
// that has been cut off, or when its leases have been expired for long: its connection may
// keep rows locked, and on SQLite the file.
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

// takenOver reports whether another worker has begun a job since a moment whose previous
// run was the worker's, and did not end.
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
