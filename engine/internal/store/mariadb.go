package store

import (
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// newMariaDB returns MariaDB, which is MySQL but for these words.
func newMariaDB(db *bun.DB, tables model.Tables) mysql {
	e := newExecutor(db, tables, mysqlWords.and(onlyMariaDBWords), asItIs)
	return mysql{executor: e, name: "mariadb", isolation: "SELECT @@tx_isolation"}
}

var onlyMariaDBWords = words{
	"json":      "@",
	"json_part": "JSON_COMPACT(@)",
	// MariaDB steps in the index only without MySQL's hint and order.
	"claim_index":   "",
	"claim_order":   "j.scheduled_at, j.id",
	"history_index": "FORCE INDEX (job_system_jobs_history)",
	"history_order": "j.scheduled_at DESC, j.id DESC",
}
