package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// index is an index of job_system_jobs.
type index struct {
	name    string
	unique  bool
	columns string // separated by ", "
	where   string // the condition of a partial index, or empty
}

// create returns the statement that creates the index, with option before its name.
func (i index) create(option string) string {
	kind, where := "INDEX", ""
	if i.unique {
		kind = "UNIQUE INDEX"
	}
	if i.where != "" {
		where = "\n    WHERE " + i.where
	}
	return fmt.Sprintf("CREATE %s %s%s\n    ON job_system_jobs (%s)%s", kind, option, i.name, i.columns, where)
}

// foundIndex is what the database has under the name of one of our indexes.
type foundIndex struct {
	name            string
	table           string // whose index it is; empty for a relation that is no index
	columns         string
	unique, partial bool
}

// check returns an error if the relation is not the index of ours that has its name.
func (f foundIndex) check(ours index) error {
	if f == (foundIndex{ours.name, "job_system_jobs", ours.columns, ours.unique, ours.where != ""}) {
		return nil
	}
	return fmt.Errorf("%w: %s %s, and not the job system's index: rename or drop it, and migrate again", ErrUnexpectedSchema, f.name, f)
}

// String returns what the relation is, as a phrase.
func (f foundIndex) String() string {
	if f.table == "" {
		return "exists"
	}
	text := "is an index"
	if f.unique {
		text = "is a unique index"
	}
	text += fmt.Sprintf(" on %s (%s)", f.table, f.columns)
	if f.partial {
		text += " with a condition"
	}
	return text
}

// readIndexes returns what the database has under the names of our indexes, by name.
func (s *session) readIndexes(ctx context.Context) (map[string]foundIndex, error) {
	var names []string
	for _, index := range s.dialect.indexes {
		names = append(names, "'"+index.name+"'")
	}
	rows, err := s.conn.QueryContext(ctx, fmt.Sprintf(s.dialect.indexesQuery, strings.Join(names, ", ")))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(map[string]foundIndex)
	for rows.Next() {
		var f foundIndex
		var column sql.NullString
		if err := rows.Scan(&f.name, &f.table, &f.unique, &f.partial, &column); err != nil {
			return nil, err
		}
		f.name, f.table = s.dialect.tables.Usual(f.name), s.dialect.tables.Usual(f.table)
		f.columns = column.String
		if before, ok := all[f.name]; ok {
			f.columns = before.columns + ", " + f.columns
		}
		all[f.name] = f
	}
	return all, rows.Err()
}

// checkExistingIndexes returns an error if the database has something else under the
// name of one of our indexes: ours would not be created then, without an error.
func (s *session) checkExistingIndexes(ctx context.Context) error {
	all, err := s.readIndexes(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, index := range s.dialect.indexes {
		if found, ok := all[index.name]; ok {
			problems = append(problems, found.check(index))
		}
	}
	return errors.Join(problems...)
}

// checkIndexes returns an error if an index is missing or not ours. The unique ones
// guarantee that one job of a type is processing, and that an idempotency key has one
// job; the engine's claim names its index, and other statements are slow without
// theirs.
func (s *session) checkIndexes(ctx context.Context) error {
	all, err := s.readIndexes(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, index := range s.dialect.indexes {
		found, ok := all[index.name]
		if ok {
			problems = append(problems, found.check(index))
			continue
		}
		problems = append(problems, fmt.Errorf("%w: table job_system_jobs has no index %s: create it with: %s",
			ErrUnexpectedSchema, index.name, strings.Join(strings.Fields(index.create("")), " ")))
	}
	return errors.Join(problems...)
}
