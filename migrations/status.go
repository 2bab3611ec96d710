package migrations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// ErrNotMigrated is returned by [Check] if the tables are missing or older than
// the code.
var ErrNotMigrated = errors.New("the database is not migrated")

// State describes a migration and whether it is applied to a database.
type State struct {
	// Name is unique. Migrations are applied in the order of their names.
	Name string `json:"name"`
	// Action says what the migration does and what its rollback does, as a verb
	// phrase without the name and without a full stop.
	Action string `json:"action"`
	// Group is the same number for all migrations that one call of Migrate applied.
	// Rollback rolls them back together. It is 0 if the migration is not applied.
	Group int64 `json:"group,omitempty"`
	// AppliedAt is in UTC, and zero if the migration is not applied.
	AppliedAt time.Time `json:"applied_at,omitzero"`
	// Newer is true for a migration that a newer version of this module applied and
	// that this version does not know.
	Newer bool `json:"newer,omitempty"`
}

// Applied reports whether the migration is applied.
func (s State) Applied() bool { return s.Group > 0 }

// Status returns all migrations, in order, and whether each is applied to db.
// After them it returns those that a newer version of this module applied. It
// waits for no lock and writes nothing. On an empty database, it returns all
// migrations as not applied. It returns an error that wraps [ErrUnexpectedSchema]
// if the table job_system_migrations belongs to another program.
func Status(ctx context.Context, db *bun.DB, opts ...Option) ([]State, error) {
	var states []State
	err := withSession(ctx, db, opts, func(s *session) error {
		catalog, err := s.readCatalog(ctx)
		if err != nil {
			return err
		}
		states, err = s.states(ctx, catalog)
		for i := range states {
			states[i].Action = s.dialect.tables.In(states[i].Action)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the migrations' status: %w", err)
	}
	return states, nil
}

// Check returns nil if the tables of db have the version that this module needs,
// or a newer one. It returns an error that wraps [ErrNotMigrated] if a migration
// is not applied, and one that wraps [ErrUnexpectedSchema] if all are applied but
// a table, a column or an index is missing. It waits for no lock and writes
// nothing. An engine calls it when it starts.
func Check(ctx context.Context, db *bun.DB, opts ...Option) error {
	return withSession(ctx, db, opts, func(s *session) error { return s.check(ctx) })
}

func (s *session) check(ctx context.Context) error {
	catalog, err := s.readCatalog(ctx)
	if err != nil {
		return fmt.Errorf("check the migrations: %w", err)
	}
	states, err := s.states(ctx, catalog)
	if err != nil {
		return fmt.Errorf("check the migrations: %w", err)
	}
	if missing := unappliedNames(states); len(missing) > 0 {
		return fmt.Errorf("%w: %s (%s) lacks %s: run jobctl migrate up (or migrations.Migrate)",
			ErrNotMigrated, s.namespace, s.dialect.database, strings.Join(missing, ", "))
	}
	if err := catalog.checkComplete(); err != nil {
		return err
	}
	return s.checkIndexes(ctx)
}

func (s *session) states(ctx context.Context, catalog catalog) ([]State, error) {
	if !catalog.has(migrationsTable) {
		return knownStates(), nil
	}
	if err := catalog[migrationsTable].check(migrationsTable); err != nil {
		return nil, err
	}
	found, err := s.migrator.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, err
	}
	newer, err := s.newerMigrations(ctx)
	if err != nil {
		return nil, err
	}
	var states []State
	for _, migration := range found {
		states = append(states, stateOf(migration))
	}
	for _, migration := range newer {
		state := stateOf(migration)
		state.Newer, state.Action = true, "was applied by a newer version of the job system"
		states = append(states, state)
	}
	return states, nil
}

// newerMigrations returns the applied migrations that this version does not know,
// in the order of their names.
func (s *session) newerMigrations(ctx context.Context) (migrate.MigrationSlice, error) {
	unknown, err := s.migrator.MissingMigrations(ctx)
	slices.SortFunc(unknown, func(a, b migrate.Migration) int { return strings.Compare(a.Name, b.Name) })
	return unknown, err
}

func stateOf(migration migrate.Migration) State {
	return State{
		Name:      migration.Name,
		Action:    migration.Comment,
		Group:     migration.GroupID,
		AppliedAt: migration.MigratedAt.UTC(),
	}
}

// knownStates returns the states of this version's migrations on an empty
// database.
func knownStates() []State {
	var states []State
	for _, migration := range allMigrations() {
		states = append(states, State{Name: migration.name, Action: migration.action})
	}
	return states
}

func unappliedNames(states []State) []string {
	var names []string
	for _, state := range states {
		if !state.Applied() {
			names = append(names, state.Name)
		}
	}
	return names
}
