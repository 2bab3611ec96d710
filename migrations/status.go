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

// ErrNotMigrated is returned by [Check] for a database whose tables are older
// than the code, or not there.
var ErrNotMigrated = errors.New("the database is not migrated")

// State is a migration as it stands on a database.
type State struct {
	// Name is what the bookkeeping calls the migration; names are in the order
	// in which the migrations are applied.
	Name string `json:"name"`
	// Does says in a sentence what the migration does, and what its undoing.
	Action string `json:"action"`
	// Group is the number that the migrations of one Migrate share, which
	// Rollback undoes together; 0 if not applied.
	Group int64 `json:"group,omitempty"`
	// AppliedAt is zero if not applied.
	AppliedAt time.Time `json:"applied_at,omitzero"`
	// Newer is a migration of a newer version of this module, applied and not
	// known here.
	Newer bool `json:"newer,omitempty"`
}

// Applied tells whether the migration has been applied.
func (s State) Applied() bool { return s.Group > 0 }

// Status returns every migration, in order, and whether it has been applied to
// db; last come those that a newer version of this module has applied. It waits
// for no lock and writes nothing, and on an empty database returns every
// migration as not applied. It fails with [ErrUnexpectedSchema] if the table
// job_system_migrations is another program's.
func Status(ctx context.Context, db *bun.DB) ([]State, error) {
	var states []State
	err := open(ctx, db, func(s *session) error {
		catalog, err := s.readCatalog(ctx)
		if err != nil {
			return err
		}
		states, err = s.states(ctx, catalog)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the status of the migrations: %w", err)
	}
	return states, nil
}

// Check returns nil if the tables of db are what this version of the module
// needs, or newer. It returns an error that wraps [ErrNotMigrated] if a
// migration has not been applied, and one that wraps [ErrUnexpectedSchema] if
// all have been and a table, a column or a unique index is not there. It waits for no lock and writes
// nothing; an engine calls it when it starts.
func Check(ctx context.Context, db *bun.DB) error {
	return open(ctx, db, func(s *session) error { return s.check(ctx) })
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
	if missing := unapplied(states); len(missing) > 0 {
		return fmt.Errorf("%w: %s (%s) lacks %s: run jobctl migrate up (or migrations.Migrate)",
			ErrNotMigrated, s.namespace, s.server.database, strings.Join(missing, ", "))
	}
	if err := catalog.complete(); err != nil {
		return err
	}
	return s.guarded(ctx)
}

func (s *session) states(ctx context.Context, catalog catalog) ([]State, error) {
	if !catalog.has(bookkeepingTable) {
		return known(), nil
	}
	if err := catalog[bookkeepingTable].check(bookkeepingTable); err != nil {
		return nil, err
	}
	found, err := s.migrator.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, err
	}
	newer, err := s.newer(ctx)
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

// newer returns what has been applied and is not known here.
func (s *session) newer(ctx context.Context) (migrate.MigrationSlice, error) {
	missing, err := s.migrator.MissingMigrations(ctx)
	slices.SortFunc(missing, func(a, b migrate.Migration) int { return strings.Compare(a.Name, b.Name) })
	return missing, err
}

func stateOf(migration migrate.Migration) State {
	return State{
		Name:      migration.Name,
		Action:    migration.Comment,
		Group:     migration.GroupID,
		AppliedAt: migration.MigratedAt.UTC(),
	}
}

func known() []State {
	var states []State
	for _, migration := range all() {
		states = append(states, State{Name: migration.name, Action: migration.does})
	}
	return states
}

func unapplied(states []State) []string {
	var names []string
	for _, state := range states {
		if !state.Applied() {
			names = append(names, state.Name)
		}
	}
	return names
}
