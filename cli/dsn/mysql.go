package dsn

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-sql-driver/mysql"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/feature"
	"github.com/uptrace/bun/dialect/mysqldialect"
)

func openMySQL(ctx context.Context, a *address) (*bun.DB, error) {
	config, err := mysqlConfig(a)
	if err != nil {
		return nil, err
	}
	// The driver knows a few of the server's collations only, and calls the others an
	// error of the connection.
	names := "SET NAMES utf8mb4"
	if config.Collation != "" {
		names += " COLLATE " + config.Collation
	}
	config.Collation = ""
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, malformed("MySQL parameters: %v", err)
	}
	pool := sql.OpenDB(prompt{prepared{connector, names}, config.Timeout})
	poolForServer(pool)
	begun := time.Now()
	// Before the dialect, which asks the server's version as it is made and
	// only logs it when there is no answer.
	if err := connect(ctx, pool); err != nil {
		pool.Close()
		return nil, explainMySQL(config, err, begun)
	}
	db := bun.NewDB(pool, mysqldialect.New(mysqldialect.WithTimeLocation("UTC")))
	// Each of these is set from the version: MariaDB has the one, MySQL from
	// 8.0 on the other.
	if !db.HasFeature(feature.CreateIndexIfNotExists) && !db.HasFeature(feature.CTE) {
		db.Close()
		return nil, rejected(whereMySQL(config), errors.New("the server's version is too old or could not be asked"),
			"use MariaDB 10.6, MySQL 8.0, or later")
	}
	return db, nil
}

// required are the settings without which results are wrong, and what else the
// text may say and mean the same. They are made in mysqlConfig.
var required = map[string][]string{
	"parseTime":             {"true", "1"},
	"loc":                   {"utc"},
	"time_zone":             {"+00:00", "utc"},
	"clientFoundRows":       {"true", "1"},
	"charset":               {"utf8mb4"},
	"transaction_isolation": {"read-committed"},
	"tx_isolation":          {"read-committed"},
	"autocommit":            {"1", "true", "on"},
	"completion_type":       {"no_chain", "0"},
	"sql_select_limit":      {unlimited},
	"columnsWithAlias":      {"false", "0"},
}

// unlimited is the number of rows of a SELECT without a limit.
const unlimited = "18446744073709551615"

func mysqlConfig(a *address) (*mysql.Config, error) {
	values := url.Values{"interpolateParams": {"true"}, "timeout": {ConnectTimeout.String()}}
	for _, p := range a.params {
		if p.key == "strict" {
			return nil, malformed("the parameter strict is no longer known to the driver: leave it out")
		}
		wanted, fixed := required[p.key]
		if !fixed {
			values.Set(p.key, p.value)
			continue
		}
		if !slices.Contains(wanted, strings.ToLower(strings.Trim(p.value, `'"`))) {
			return nil, malformed("the parameter %s must be %s here, or be left out", p.key, wanted[0])
		}
	}
	// Only the parameters go through the driver's parser, which quotes what it
	// does not understand.
	config, err := mysql.ParseDSN("/?" + values.Encode())
	if err != nil {
		return nil, malformed("MySQL parameters: %v", err)
	}
	// Made by the parser for the address it was given, which is not ours; the
	// connector makes it again.
	config.TLS = nil

	config.User, config.Passwd, config.DBName = a.user, a.password, a.database
	config.Net, config.Addr = mysqlAt(a)
	config.ParseTime = true
	config.Logger = &mysql.NopLogger{} // what matters of it is returned as well; a command's screen is not for the rest
	config.ClientFoundRows = true      // an UPDATE that changes nothing still found its row
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	config.Params["time_zone"] = "'+00:00'"
	// A server's own values of these would lose what is written without a transaction, leave
	// the next one open, or hide rows.
	config.Params["autocommit"], config.Params["completion_type"], config.Params["sql_select_limit"] = "1", "'NO_CHAIN'", unlimited
	// Bun escapes backslashes, and an empty text is not NULL. The server's default may
	// change while this process runs, which would not be noticed before it has spoiled
	// data.
	config.Params["sql_mode"] = "REPLACE(REPLACE(" + sqlMode(config.Params["sql_mode"]) + ", 'NO_BACKSLASH_ESCAPES', ''), 'EMPTY_STRING_IS_NULL', '')"
	if !collationPattern.MatchString(config.Collation) {
		return nil, malformed("the parameter collation is not a name of letters, digits and _")
	}
	return config, nil
}

var collationPattern = regexp.MustCompile(`^[A-Za-z0-9_]*$`)

// sqlMode is a sql_mode parameter as an expression: SET takes a bare word too.
func sqlMode(text string) string {
	if word := strings.Trim(text, `'"`); word != "" && !strings.ContainsFunc(word, func(r rune) bool { return r != ',' && r != '_' && !unicode.IsLetter(r) }) {
		return "'" + word + "'"
	}
	return cmp.Or(text, "@@sql_mode")
}

func mysqlAt(a *address) (network, at string) {
	if a.socket != "" {
		return "unix", a.socket
	}
	h := a.hosts[0]
	if h.name == "" {
		h.name = "127.0.0.1"
	}
	if h.port == "" {
		h.port = "3306"
	}
	return "tcp", net.JoinHostPort(strings.Trim(h.name, "[]"), h.port)
}

// prepared prepares each connection: with names, the statement that sets the character
// set, and with the isolation level. That is set by the statement that every version
// understands: the variable is tx_isolation on MariaDB up to 11.0 and
// transaction_isolation on MySQL from 8.0 on, and neither knows the other's.
type prepared struct {
	driver.Connector
	names string
}

func (c prepared) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	execer := conn.(driver.ExecerContext) // this driver's connections are
	for _, statement := range []string{c.names, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"} {
		if _, err := execer.ExecContext(ctx, statement, nil); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// prompt bounds the time in which a server must have made a connection: the
// driver's own limit ends when the server's system has taken the connection, and
// a server may be silent then.
type prompt struct {
	driver.Connector
	limit time.Duration // 0 for none
}

func (c prompt) Connect(ctx context.Context) (driver.Conn, error) {
	if c.limit > 0 {
		limited, cancel := context.WithTimeout(ctx, c.limit)
		defer cancel()
		ctx = limited
	}
	return c.Connector.Connect(ctx)
}

func whereMySQL(config *mysql.Config) string {
	return fmt.Sprintf("MySQL or MariaDB database %q at %s", config.DBName, config.Addr)
}

// The server's error numbers that Open explains differently.
const (
	mysqlTooManyConnections = 1040
	mysqlNoAccessToDatabase = 1044
	mysqlAccessDenied       = 1045
	mysqlUnknownDatabase    = 1049
	mysqlShuttingDown       = 1053
	mysqlSyntax             = 1064
	mysqlUnknownVariable    = 1193
	mysqlGlobalVariable     = 1229
	mysqlWrongValue         = 1231
	mysqlWrongType          = 1232
	mysqlReadOnlyVariable   = 1238
	mysqlOtherCharset       = 1253 // the collation is not one of utf8mb4
	mysqlUnknownCollation   = 1273
	mysqlUnknownLocale      = 1649
)

func explainMySQL(config *mysql.Config, err error, begun time.Time) error {
	where := whereMySQL(config)
	my, answered := errors.AsType[*mysql.MySQLError](err)
	if !answered {
		return unanswered(where, err, begun)
	}
	switch my.Number {
	case mysqlSyntax, mysqlUnknownVariable, mysqlGlobalVariable, mysqlWrongValue, mysqlWrongType, mysqlReadOnlyVariable, mysqlOtherCharset, mysqlUnknownCollation, mysqlUnknownLocale:
		return unknownParameter(where, err)
	case mysqlTooManyConnections, mysqlShuttingDown:
		return unreachable(where, err, "the server is there but takes no connections now: try again later")
	case mysqlAccessDenied:
		return rejected(where, err, fmt.Sprintf("check the user name %q and its password", config.User))
	case mysqlNoAccessToDatabase:
		return rejected(where, err, fmt.Sprintf("grant the user %q access, or correct the database's name", config.User))
	case mysqlUnknownDatabase:
		return rejected(where, err, "create the database, or correct its name")
	default:
		return rejected(where, err, "the server refused the connection")
	}
}
