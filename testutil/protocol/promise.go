package protocol

import "fmt"

// broken returns the promise that a state breaks, empty if it keeps all.
func (m *Model) broken(s *state) string {
	for of := range m.Types {
		processes, holders, workers := 0, 0, 0
		for i := range m.Jobs {
			if m.typeOf(int8(i+1)) == of && s.jobs[i].status == processing {
				processes++
			}
		}
		l := s.locks[of]
		for e := range m.Engines {
			for _, run := range s.engines[e].runs {
				if run.job == 0 || m.typeOf(run.job) != of || !run.works() {
					continue
				}
				workers++
				if l.owner == int8(e+1) && l.covers(run.job, run.attempt) && l.valid {
					holders++
				}
			}
		}
		switch {
		case processes > 1:
			return fmt.Sprintf("%d jobs of type %d process at a time", processes, of+1)
		case holders > 1:
			return fmt.Sprintf("%d runs of type %d hold its lease at a time", holders, of+1)
		case m.Alike && workers > 1:
			return fmt.Sprintf("%d runs of type %d work at a time", workers, of+1)
		}
	}
	return ""
}

// good reports whether each job has ended, each lock is free and no engine has a run.
func (m *Model) good(s *state) bool {
	for i := range m.Jobs {
		if !s.jobs[i].status.ended() {
			return false
		}
	}
	for of := range m.Types {
		if s.locks[of].job != 0 {
			return false
		}
	}
	for e := range m.Engines {
		for _, run := range s.engines[e].runs {
			if run.job != 0 {
				return false
			}
		}
	}
	return true
}
