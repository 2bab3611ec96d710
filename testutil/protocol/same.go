package protocol

import "slices"

// same makes states equal that differ only in names: in the numbers of engines that have
// died, in the numbers of attempts and of writes, of which only the order counts, and in
// the order of late statements. That makes the number of states finite.
func (m *Model) same(s *state) {
	if m.Walls.stand(Fence) {
		m.forgetTakenOver(s)
	}
	for i := range m.Jobs {
		s.jobs[i].forget(s.left.Resumes > 0)
		s.rankAttempts(int8(i + 1))
		s.rankWrites(int8(i+1), m.Walls.stand(Order))
	}
	m.sortEngines(s)
	s.nameOwners()
	slices.SortFunc(s.late[:], compare)
}

// forgetTakenOver clears what a run that was taken over, and does not know it, would write,
// and late writes that will not take effect.
func (m *Model) forgetTakenOver(s *state) {
	for e := range m.Engines {
		for i := range s.engines[e].runs {
			if r := &s.engines[e].runs[i]; r.job != 0 && r.attempt != s.jobs[r.job-1].attempt {
				*r = run{job: r.job, attempt: r.attempt, expired: !r.works()}
			}
		}
	}
	for i := range s.late {
		st := &s.late[i]
		if st.kind != write {
			continue
		}
		row := s.jobs[st.job-1]
		if row.status != processing || row.attempt != st.attempt || m.Walls.stand(Order) && row.writes > st.number {
			*st = statement{}
		}
	}
}

// forget clears what no step uses any more.
func (j *job) forget(resumable bool) {
	if j.status != processing {
		j.writes = 0
	}
	if j.status == succeeded || j.status.ended() && !resumable {
		j.makers, j.done, j.cancel = [maxSteps]int8{}, 0, false
	}
	for k := j.done; k < maxSteps; k++ {
		j.makers[k] = 0 // of a record that is lost
	}
}

// sortEngines sorts the engines, so that states that differ only in their numbers are equal.
func (m *Model) sortEngines(s *state) {
	for i := 1; i < m.Engines; i++ {
		for k := i; k > 0 && s.engineKey(k).less(s.engineKey(k-1)); k-- {
			s.engines[k], s.engines[k-1] = s.engines[k-1], s.engines[k]
			a, b := int8(k), int8(k+1)
			(&database{state: s}).rename(a, 63)
			(&database{state: s}).rename(b, a)
			(&database{state: s}).rename(63, b)
			s.engines[k].waits.own(b)
			s.engines[k-1].waits.own(a)
		}
	}
}

func (st *statement) own(owner int8) {
	if st.kind != noStatement {
		st.owner = owner
	}
}

// engineKey is all by which an engine differs from another one, except its number.
type engineKey [2*7 + 14 + 3]int8

func (s *state) engineKey(e int) (key engineKey) {
	flag := func(b bool) int8 {
		if b {
			return 1
		}
		return 0
	}
	engine := &s.engines[e]
	owns := int8(0)
	for i := range s.locks {
		owns = owns*2 + flag(s.locks[i].owner == int8(e+1))
	}
	for i := range s.late {
		owns = owns*2 + flag(s.late[i].owner == int8(e+1))
	}
	st := engine.waits
	fields := key[:0]
	fields = append(fields, flag(engine.up), int8(engine.certainty), owns,
		int8(st.kind), st.of, st.job, st.attempt, st.base, st.done, st.number, int8(st.end), flag(st.half), flag(st.met),
		st.begun[0].job, st.begun[0].attempt, st.begun[1].job, st.begun[1].attempt)
	for _, r := range engine.runs {
		fields = append(fields, r.job, r.attempt, r.base*4+r.done, r.number, int8(r.end), flag(r.dirty), flag(r.expired))
	}
	return key
}

func (k engineKey) less(other engineKey) bool { return slices.Compare(k[:], other[:]) < 0 }

// rank replaces numbers by their places in their order; 0 stays.
func rank(numbers []*int8) {
	var seen [64]bool
	for _, n := range numbers {
		seen[*n] = true
	}
	seen[0] = true
	var place [64]int8
	next := int8(0)
	for n := range seen {
		if seen[n] {
			place[n] = next
			next++
		}
	}
	for _, n := range numbers {
		*n = place[*n]
	}
}

// statements calls see for each statement.
func (s *state) statements(see func(*statement)) {
	for e := range s.engines {
		see(&s.engines[e].waits)
	}
	for i := range s.late {
		see(&s.late[i])
	}
}

func (s *state) rankAttempts(n int8) {
	numbers := make([]*int8, 0, 32)
	j := &s.jobs[n-1]
	numbers = append(numbers, &j.attempt)
	for i := range j.makers {
		numbers = append(numbers, &j.makers[i])
	}
	for i := range s.locks {
		if s.locks[i].job == n {
			numbers = append(numbers, &s.locks[i].attempt)
		}
	}
	for e := range s.engines {
		for r := range s.engines[e].runs {
			if run := &s.engines[e].runs[r]; run.job == n {
				numbers = append(numbers, &run.attempt)
			}
		}
	}
	s.statements(func(st *statement) {
		if st.job == n {
			numbers = append(numbers, &st.attempt)
		}
		for i := range st.begun {
			if st.begun[i].job == n {
				numbers = append(numbers, &st.begun[i].attempt)
			}
		}
	})
	rank(numbers)
}

// rankWrites keeps the order of the numbers of writes if there is a late one, for which it
// matters; otherwise it only matters whether there was a write.
func (s *state) rankWrites(n int8, ordered bool) {
	numbers := make([]*int8, 0, 8)
	numbers = append(numbers, &s.jobs[n-1].writes)
	for e := range s.engines {
		for r := range s.engines[e].runs {
			if run := &s.engines[e].runs[r]; run.job == n {
				numbers = append(numbers, &run.number)
			}
		}
	}
	late := false
	for i := range s.late {
		if st := &s.late[i]; st.job == n {
			numbers = append(numbers, &st.number)
			late = true
		}
	}
	if ordered && late {
		rank(numbers)
		return
	}
	s.jobs[n-1].writes = 0
	for _, number := range numbers {
		*number = min(*number, 1)
	}
}

// nameOwners numbers the engines that have died in the order of their occurrence.
func (s *state) nameOwners() {
	var name [64]int8
	next := int8(maxEngines + 1)
	owner := func(n *int8) {
		if *n <= maxEngines {
			return
		}
		if name[*n] == 0 {
			name[*n] = next
			next++
		}
		*n = name[*n]
	}
	for i := range s.locks {
		owner(&s.locks[i].owner)
	}
	for i := range s.late {
		owner(&s.late[i].owner)
	}
}

// compare orders statements, in any order.
func compare(a, b statement) int {
	for _, pair := range [][2]int8{
		{int8(b.kind), int8(a.kind)}, {a.owner, b.owner}, {a.of, b.of}, {a.job, b.job}, {a.attempt, b.attempt}, {a.base, b.base},
		{a.done, b.done}, {a.number, b.number}, {int8(a.end), int8(b.end)}, {a.begun[a.of].job, b.begun[b.of].job},
	} {
		if pair[0] != pair[1] {
			return int(pair[0]) - int(pair[1])
		}
	}
	return 0
}
