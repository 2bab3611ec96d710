package store

import "github.com/uptrace/bun"

// newMariaDB returns MariaDB, which is MySQL but for these words.
func newMariaDB(db *bun.DB) mysql {
	return mysql{rowLocks{newExecutor(db, mysqlWords.and(onlyMariaDBWords), asItIs)}, "mariadb", "SELECT @@tx_isolation"}
}

var onlyMariaDBWords = words{
	"json":      "@",
	"json_part": "JSON_COMPACT(@)",
	// MySQL's way to name the index and the order would make MariaDB sort.
	"claim_index": "",
	"claim_order": "j.scheduled_at, j.id",
}
