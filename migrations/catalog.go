package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// ErrUnexpectedSchema is returned where the database holds something else than
// its names or our bookkeeping say: a table of ours that is missing or that
// lacks columns, or a relation of another program that has one of our names.
// Nothing has been changed. Rename it, or use another schema or database.
var ErrUnexpectedSchema = errors.New("unexpected schema")

const bookkeepingTable = "job_system_migrations"

// ours returns the tables and what tells ours from another program's: the
// columns that each was first made with.
func ours() map[string][]string {
	return map[string][]string{
		bookkeepingTable: {"id", "name", "group_id", "migrated_at"},
		"job_system_jobs": {
			"id", "type", "name", "role", "email", "uploaded_file_url", "data", "status", "progress", "message",
			"time_to_complete_ms", "time_to_complete_source", "checkpoints", "attempt", "writes", "resumptions", "error", "scheduled_at", "started_at",
			"finished_at", "heartbeat_at", "progressed_at", "cancel_requested_at", "cancelled_by",
			"cancel_reason", "idempotency_key", "created_at", "updated_at", "deleted_at",
		},
		"job_type_lock": {"type", "locked_until", "updated_at", "owner", "job_id", "attempt"},
	}
}

// catalog is what there is under our names, with its columns.
type catalog map[string]relation

type relation struct {
	table   bool
	columns map[string]bool
}

func (s *session) readCatalog(ctx context.Context) (catalog, error) {
	rows, err := s.conn.QueryContext(ctx, s.server.catalog)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := catalog{}
	for rows.Next() {
		var name string
		var table bool
		var column sql.NullString
		if err := rows.Scan(&name, &table, &column); err != nil {
			return nil, err
		}
		if _, known := found[name]; !known {
			found[name] = relation{table: table, columns: map[string]bool{}}
		}
		if column.Valid {
			found[name].columns[column.String] = true
		}
	}
	return found, rows.Err()
}

func (c catalog) has(table string) bool {
	_, ok := c[table]
	return ok
}

// foreign fails on what has one of our names and is not ours.
func (c catalog) foreign() error {
	var problems []error
	for _, name := range tables() {
		if relation, ok := c[name]; ok {
			problems = append(problems, relation.check(name))
		}
	}
	return errors.Join(problems...)
}

// complete fails also on what is not there.
func (c catalog) complete() error {
	problems := []error{c.foreign()}
	for _, name := range tables() {
		if !c.has(name) {
			problems = append(problems, fmt.Errorf("%w: the table %s is missing although %s says that it was made:"+
				" restore it, or make it again, empty, with the script of jobctl migrate sql (or migrations.SQL)",
				ErrUnexpectedSchema, name, bookkeepingTable))
		}
	}
	return errors.Join(problems...)
}

// guarded fails if a unique index is not there, on which a promise stands: one
// running job of a type, one job of an idempotency key.
func (s *session) guarded(ctx context.Context) error {
	found, err := texts(ctx, s.conn, s.server.unique)
	if err != nil {
		return err
	}
	var problems []error
	for _, index := range []string{"job_system_jobs_processing", "job_system_jobs_idempotency"} {
		if !slices.Contains(found, index) {
			problems = append(problems, fmt.Errorf("%w: the table job_system_jobs has no unique index %s:"+
				" make it again, as the script of jobctl migrate sql (or migrations.SQL) does", ErrUnexpectedSchema, index))
		}
	}
	return errors.Join(problems...)
}

func (r relation) check(name string) error {
	if !r.table {
		return fmt.Errorf("%w: %s is there and is not a table", ErrUnexpectedSchema, name)
	}
	lacking := slices.DeleteFunc(ours()[name], func(column string) bool { return r.columns[column] })
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("%w: the table %s is not the one of the job system: it has no column %s",
		ErrUnexpectedSchema, name, list(lacking))
}

func tables() []string {
	return []string{bookkeepingTable, "job_system_jobs", "job_type_lock"}
}
