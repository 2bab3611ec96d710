package dsn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

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
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		return prepareSession(ctx, conn, config.ConnectTimeout)
	}))
	poolForServer(db)
	begun := time.Now()
	if err := connect(ctx, db); err != nil {
		db.Close()
		return nil, explainPostgres(config, err, begun)
	}
	return bun.NewDB(db, pgdialect.New()), nil
}

// sessionSettings are no parameters of the connection's start, which PgBouncer would
// refuse. Single statements rely on the isolation level, and what is committed must be on
// disk; a setting that waits for standbys too stays.
const sessionSettings = `SET default_transaction_isolation = 'read committed';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`

// prepareSession makes the settings of a new connection. The driver's own limit of the time
// to connect has ended then.
func prepareSession(ctx context.Context, conn *pgx.Conn, limit time.Duration) error {
	if limit > 0 {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = limited
	}
	_, err := conn.Exec(ctx, sessionSettings, pgx.QueryExecModeSimpleProtocol)
	return err
}

func postgresConfig(a *address) (*pgx.ConnConfig, error) {
	// pgx quotes the text it cannot parse, so it gets it without the secrets,
	// and they are put in afterwards.
	open := *a
	open.scheme, open.password, open.hasPassword = "postgres", "", false
	sslPassword, _ := open.remove("sslpassword")
	if !open.has("connect_timeout") && os.Getenv("PGCONNECT_TIMEOUT") == "" {
		open.params = append(open.params, param{"connect_timeout", strconv.Itoa(int(ConnectTimeout.Seconds()))})
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

// The server's codes for a parameter that it does not know or take.
const (
	postgresUnknownParameter = "42704"
	postgresWrongValue       = "22023"
	postgresFixedParameter   = "55P02" // only the server's own start sets it
	postgresSyntax           = "42601"
)

func explainPostgres(config *pgx.ConnConfig, err error, begun time.Time) error {
	where := wherePostgres(config)
	pg, answered := errors.AsType[*pgconn.PgError](err)
	if !answered {
		return unanswered(where, err, begun)
	}
	switch {
	case pg.Code == postgresUnknownParameter, pg.Code == postgresWrongValue, pg.Code == postgresFixedParameter, pg.Code == postgresSyntax:
		return unknownParameter(where, err)
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
