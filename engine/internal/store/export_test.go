package store

// UpdateSQL is the statement that writes a batch.
func (s *Store) UpdateSQL(writes []Write) (string, []any) {
	if s.dialect.returning {
		return s.updateReturning(writes)
	}
	return string(s.updateChosen(writes, "")), nil
}

// FencedSQL locks the rows of a batch, where that is a statement of its own.
func (s *Store) FencedSQL(writes []Write) (string, []any) {
	if s.dialect.returning {
		return "", nil
	}
	return string(s.fenced(writes, "")), nil
}

// FlushAtOnceSQL is the statement that ends runs, claims and passes locks on,
// where that is one.
func (s *Store) FlushAtOnceSQL(writes []Write, owner Owner) (string, []any) {
	if !s.dialect.writableCTE {
		return "", nil
	}
	return s.flushCTEQuery(writes, owner)
}

// ReadySQL looks for due jobs, ClaimSQL claims them or begins to.
func (s *Store) ReadySQL() string { return s.readyQuery() }

func (s *Store) ClaimSQL(types []string, owner Owner) (string, []any) {
	free := s.freeLocks(types)
	if s.dialect.writableCTE {
		return s.claimCTE(free, owner), append(free.args, owner.ID)
	}
	if s.dialect.returning {
		return s.sql("WITH mine AS MATERIALIZED (" + free.query + "), " + s.pickFirst() + " SELECT id FROM picked"), free.args
	}
	return s.sql(free.query), free.args
}

// Kind is the dialect's name.
func (s *Store) Kind() string { return s.dialect.name }

// Numbers is a statement as PostgreSQL prepares it.
func Numbers(text string) string { return numbers(text) }

// DueTypesSQL lists the types with scheduled jobs.
func (s *Store) DueTypesSQL() string { return s.dueTypesQuery() }
