package dsn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ErrUnreachable is wrapped by every error of Open that says the database
// cannot be reached: nothing listens there, the name is not known, the time
// ran out, the server accepts no more connections now, or the SQLite file
// cannot be opened or created. Trying again later may help. A server that
// answers and rejects (wrong password, no such database) is not unreachable.
var ErrUnreachable = errors.New("database cannot be reached")

// ErrMalformed is wrapped by every error of Open about the text itself. It is
// checked before anything is connected to, except for parameters that are the
// server's: it may not know them, or not take their values. Trying again does not
// help.
var ErrMalformed = errors.New("malformed database address")

//nolint:gosec // it is an example of a password
const forms = `use one of:
  sqlite://path/to/jobs.db, sqlite:///absolute/jobs.db, sqlite://:memory:, or a plain file path
  postgres://user:password@host:5432/database
  mysql://user:password@host:3306/database, or mysql://user:password@unix(/path/to/socket)/database (MariaDB too)`

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// unknownParameter returns the error of a server that has rejected a parameter.
func unknownParameter(where string, cause error) error {
	return fmt.Errorf("%w: %s does not take one of its parameters: %w; correct it, or leave it out", ErrMalformed, where, safe(cause))
}

// unanswered returns the error of a server that has not answered. begun is when it was
// asked to connect, zero if it is connected.
func unanswered(where string, cause error, begun time.Time) error {
	timeout, ok := errors.AsType[net.Error](cause)
	if !begun.IsZero() && (ok && timeout.Timeout() || errors.Is(cause, context.DeadlineExceeded)) {
		where += waited(begun, "an answer")
	}
	return unreachable(where, cause, "check that the server runs and that host and port are right")
}

func waited(begun time.Time, what string) string {
	return fmt.Sprintf(": waited %v for %s", time.Since(begun).Round(100*time.Millisecond), what)
}

func unreachable(where string, cause error, advice string) error {
	return fmt.Errorf("%w: %s: %w; %s", ErrUnreachable, where, safe(cause), advice)
}

// rejected returns the error of a server that answered, and rejected the connection.
func rejected(where string, cause error, advice string) error {
	return fmt.Errorf("open %s: %w; %s", where, safe(cause), advice)
}

// safe returns the part of a driver's error that holds no connection settings. pgx's ConnectError, for one, carries the whole Config with the
// password in it: its text is harmless, but whatever follows pointers (error
// reporters and test libraries do) prints it. So the chain is cut here, and
// only error types known to hold nothing of the kind are kept.
func safe(err error) error {
	answer := safeAnswer(err)
	// The caller's own reason is kept as well, so that errors.Is finds it: some
	// drivers return a time-out of the network in its place.
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if !errors.Is(err, ended) {
			continue
		}
		if answer == nil || errors.Is(answer, ended) {
			return ended
		}
		return fmt.Errorf("%w: %w", ended, answer)
	}
	if answer == nil {
		return errors.New(err.Error())
	}
	return answer
}

func safeAnswer(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg
	}
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return my
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert
	}
	if authority, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return authority
	}
	return nil
}
