package app

import (
	"net/url"
	"strings"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
)

// DatabaseKind returns the kind of the database, without connecting to it; none
// if the DSN is malformed.
func (c *Call) DatabaseKind() migrations.Database { return kindOf(c.dsn) }

// kindOf returns the kind of database that a DSN names; none if it is malformed.
func kindOf(text string) migrations.Database {
	scheme, _, found := strings.Cut(strings.TrimSpace(text), "://")
	switch scheme = strings.ToLower(scheme); {
	case !found || scheme == "sqlite":
		return migrations.SQLite
	case scheme == "postgres" || scheme == "postgresql":
		return migrations.PostgreSQL
	case scheme == "mysql":
		return migrations.MySQL
	case scheme == "mariadb":
		return migrations.MariaDB
	default:
		return ""
	}
}

// sqlitePath returns the path of the SQLite file that a DSN names. A malformed
// DSN, which is not shown as it is, names none: opening it says what is wrong.
func sqlitePath(text string) (path string, ok bool) {
	text = strings.TrimSpace(text)
	if kindOf(text) != migrations.SQLite || dsn.Redact(text) != text {
		return "", false
	}
	_, path, found := strings.Cut(text, "://")
	if !found {
		return text, true
	}
	path, err := url.PathUnescape(path)
	return path, err == nil
}
