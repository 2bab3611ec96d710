package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// ErrUnexpectedSchema is returned if the database contradicts our names or the
// recorded migrations: one of our tables is missing or lacks a column or an index, or
// a relation of another program has one of our names. Nothing has been changed.
// Rename that relation, or use another schema or database.
var ErrUnexpectedSchema = errors.New("unexpected schema")

const migrationsTable = "job_system_migrations"

// requiredColumns returns for each table the columns that the first migration
// creates. They distinguish our table from one of another program.
func requiredColumns() map[string][]string {
	return map[string][]string{
		migrationsTable: {"id", "name", "group_id", "migrated_at"},
		"job_system_jobs": {
			"id", "type", "name", "role", "email", "uploaded_file_url", "data", "status", "progress", "message",
			"time_to_complete_ms", "time_to_complete_p90_ms", "time_to_complete_source", "checkpoints", "attempt", "writes", "resumptions", "error", "priority", "scheduled_at", "started_at",
			"finished_at", "heartbeat_at", "progressed_at", "cancel_requested_at", "cancelled_by",
			"cancel_reason", "decision", "idempotency_key", "unique_until", "left_until", "created_at", "updated_at", "deleted_at",
		},
		"job_type_lock": {"type", "locked_until", "updated_at", "owner", "job_id", "attempt"},
	}
}

// catalog holds the existing relations that have one of our names.
type catalog map[string]relation

type relation struct {
	table   bool
	columns map[string]bool
}

func (s *session) readCatalog(ctx context.Context) (catalog, error) {
	rows, err := s.conn.QueryContext(ctx, s.dialect.catalogQuery)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	relations := catalog{}
	for rows.Next() {
		var name string
		var table bool
		var column sql.NullString
		if err := rows.Scan(&name, &table, &column); err != nil {
			return nil, err
		}
		name = s.dialect.tables.Usual(name)
		if !relations.has(name) {
			relations[name] = relation{table: table, columns: map[string]bool{}}
		}
		if column.Valid {
			relations[name].columns[column.String] = true
		}
	}
	return relations, rows.Err()
}

func (c catalog) has(table string) bool {
	_, ok := c[table]
	return ok
}

// checkExisting returns an error if a relation that has one of our names is not
// ours.
func (c catalog) checkExisting() error {
	var problems []error
	for _, name := range tableNames() {
		if relation, ok := c[name]; ok {
			problems = append(problems, relation.check(name))
		}
	}
	return errors.Join(problems...)
}

// checkComplete returns an error if a table is missing or not ours.
func (c catalog) checkComplete() error {
	problems := []error{c.checkExisting()}
	for _, name := range tableNames() {
		if !c.has(name) {
			problems = append(problems, fmt.Errorf("%w: table %s is missing although %s records that it was created:"+
				" restore it, or create it again, empty, with the script of jobctl migrate sql (or migrations.SQL)",
				ErrUnexpectedSchema, name, migrationsTable))
		}
	}
	return errors.Join(problems...)
}

// check returns an error if the relation with this name is not our table.
func (r relation) check(name string) error {
	if !r.table {
		return fmt.Errorf("%w: %s exists and is not a table", ErrUnexpectedSchema, name)
	}
	missing := slices.DeleteFunc(requiredColumns()[name], func(column string) bool { return r.columns[column] })
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w: table %s is not that of the job system: it has no column %s",
		ErrUnexpectedSchema, name, joinNames(missing))
}

func tableNames() []string {
	return []string{migrationsTable, "job_system_jobs", "job_type_lock"}
}
