package dsn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

func openPostgres(ctx context.Context, a *address) (*bun.DB, error) {
	config, err := postgresConfig(a)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(setIsolation))
	poolForServer(db)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, explainPostgres(config, err)
	}
	return bun.NewDB(db, pgdialect.New()), nil
}

// setIsolation sets the isolation level that single statements rely on. It is no parameter
// of the connection's start, which PgBouncer would refuse.
func setIsolation(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET default_transaction_isolation = 'read committed'", pgx.QueryExecModeSimpleProtocol)
	return err
}

func postgresConfig(a *address) (*pgx.ConnConfig, error) {
	// pgx quotes the text it cannot parse, so it gets it without the secrets,
	// and they are put in afterwards.
	open := *a
	open.scheme, open.password, open.hasPassword = "postgres", "", false
	sslPassword, _ := open.remove("sslpassword")
	if !open.has("connect_timeout") && os.Getenv("PGCONNECT_TIMEOUT") == "" {
		open.params = append(open.params, param{"connect_timeout", strconv.Itoa(int(connectTimeout.Seconds()))})
	}
	text := open.url(func(p param) string { return p.value }, "")

	var options pgx.ParseConfigOptions
	if sslPassword != "" {
		options.GetSSLPassword = func(context.Context) string { return sslPassword }
	}
	config, err := pgx.ParseConfigWithOptions(text, options)
	if err != nil {
		_, reason, _ := strings.Cut(err.Error(), "`: ")
		return nil, malformed("PostgreSQL parameters: %s", reason)
	}
	if a.hasPassword {
		config.Password = a.password
	}
	// Bun writes values into its SQL, and escapes quotes only. A database's
	// defaults may change while this process runs.
	config.RuntimeParams["standard_conforming_strings"] = "on"
	config.RuntimeParams["client_encoding"] = "UTF8"
	// In another style, the driver cannot read times.
	config.RuntimeParams["datestyle"] = "ISO, MDY"
	// Preparing such a text costs twice what running it does, and it is never
	// seen again.
	if !a.has("default_query_exec_mode") {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	return config, nil
}

// wherePostgres names the server and the database, as pgx understood them: the
// environment (PGHOST and so on) may have filled in what the text leaves out.
func wherePostgres(config *pgx.ConnConfig) string {
	var at []string
	seen := map[string]bool{}
	add := func(host string, port uint16) {
		one := net.JoinHostPort(host, strconv.Itoa(int(port)))
		if !seen[one] {
			seen[one] = true
			at = append(at, one)
		}
	}
	add(config.Host, config.Port)
	for _, f := range config.Fallbacks {
		add(f.Host, f.Port)
	}
	database := config.Database
	if database == "" {
		database = config.User // the server's own rule
	}
	return fmt.Sprintf("PostgreSQL database %q at %s", database, strings.Join(at, ", "))
}

func explainPostgres(config *pgx.ConnConfig, err error) error {
	where := wherePostgres(config)
	pg, answered := errors.AsType[*pgconn.PgError](err)
	if !answered {
		return unreachable(where, err, "check that the server runs and that host and port are right")
	}
	switch {
	case strings.HasPrefix(pg.Code, "57P"), pg.Code == "53300":
		// Shutting down, starting up, or out of connections.
		return unreachable(where, err, "the server is there but takes no connections now: try again later")
	case strings.HasPrefix(pg.Code, "28"):
		return rejected(where, err, fmt.Sprintf("check the user name %q and its password", config.User))
	case pg.Code == "3D000":
		return rejected(where, err, "create the database, or correct its name")
	default:
		return rejected(where, err, "the server refused the connection")
	}
}
