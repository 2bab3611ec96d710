package app

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
)

// isLost reports whether an error says that the connection broke.
func isLost(err error) bool {
	if errors.Is(err, driver.ErrBadConn) {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	var coded interface{ SQLState() string } // PostgreSQL's
	if !errors.As(err, &coded) {
		return false
	}
	state := coded.SQLState()
	return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P")
}

// diagnose finds out whether an error of an unknown kind comes from a database
// that is gone: each driver words that differently, and some leave it to a
// time-out.
func (c *Call) diagnose(ctx context.Context, db *bun.DB, err error) error {
	const timeout = 3 * time.Second
	if err == nil || ctx.Err() != nil || exitCode(err) != ExitFailed ||
		IsAny(err, engine.ErrStatus, engine.ErrDrift, ErrEnded, ErrNotResumable) {
		return err
	}
	if isLost(err) {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if db.PingContext(limited) != nil {
		return fmt.Errorf("%w: %s: %w", errLost, c.Database(), err)
	}
	return err
}
