package migrations

// migration is one change of the tables. A released migration is never edited: a
// further change is a new migration, which only adds.
type migration struct {
	name string
	// action says what the migration does and what its rollback does, as a verb
	// phrase.
	action string
	// up and down hold the steps for each kind of database.
	up, down map[Database][]step
}

// allMigrations returns all migrations in the order in which they are applied,
// which is also the order of their names.
func allMigrations() []migration {
	return []migration{jobsMigration()}
}
