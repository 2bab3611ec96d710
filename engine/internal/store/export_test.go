package store

// UpdateSQL is the statement that writes a batch.
func (s *Store) UpdateSQL(writes []Write) (string, []any) {
	if s.dialect.returning {
		return s.updateFrom(writes)
	}
	return s.updateJoin(writes, "")
}

// FencedSQL locks the rows of a batch, where that is a statement of its own.
func (s *Store) FencedSQL(writes []Write) (string, []any) {
	if s.dialect.returning {
		return "", nil
	}
	locking, args := s.fenced(writes)
	return "SELECT j.id" + locking, args
}

// FlushAtOnceSQL is the statement that ends runs, claims and passes locks on,
// where that is one.
func (s *Store) FlushAtOnceSQL(writes []Write, owner Owner) (string, []any) {
	if !s.dialect.rowsAsValues {
		return "", nil
	}
	return s.atOnce(writes, owner)
}

// ReadySQL looks for due jobs, HeadsSQL for the jobs to be claimed.
func (s *Store) ReadySQL() string { return s.readyQuery() }
func (s *Store) HeadsSQL() string { return s.headsQuery() }

// Kind is the dialect's name.
func (s *Store) Kind() string { return s.dialect.name }
