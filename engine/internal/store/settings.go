package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/ntxdev/jobsystem/model"
)

// checkTexts returns an error if the connection changes quotes or backslashes in
// texts.
func (e *executor) checkTexts(ctx context.Context) error {
	const text = `a'b"c\d`
	var got string
	if err := e.db.NewRaw(e.sql(OpCheck, "SELECT ?"), text).Scan(ctx, &got); err != nil {
		return fmt.Errorf("check the connection: %w", err)
	}
	if got != text {
		return errors.New("check the connection: it changes quotes or backslashes in texts; turn off NO_BACKSLASH_ESCAPES (MySQL, MariaDB), turn on standard_conforming_strings (PostgreSQL)")
	}
	return nil
}

// checkCharset returns an error unless the connection's character sets, which
// query selects, are all the wanted one: in some others, a backslash is the second
// byte of a character, and a literal would end elsewhere than it was written to.
func (e *executor) checkCharset(ctx context.Context, query, want string) error {
	var got string
	if err := e.db.NewRaw(e.sql(OpCheck, query)).Scan(ctx, &got); err != nil {
		return fmt.Errorf("ask for the connection's character set: %w", err)
	}
	for set := range strings.SplitSeq(got, ",") {
		if set != want {
			return fmt.Errorf("check the connection: its character set is %s, in which texts can be taken for something else; set charset=utf8mb4 (MySQL, MariaDB) or client_encoding=UTF8 (PostgreSQL) in the DSN", got)
		}
	}
	return nil
}

// checkTimes returns an error unless the connection reads the time that query
// selects as that many microseconds since the Unix epoch.
func (e *executor) checkTimes(ctx context.Context, query string, want int64) error {
	var got model.Time
	if err := e.db.NewRaw(e.sql(OpCheck, query)).Scan(ctx, &got); err != nil {
		return fmt.Errorf("check how the connection reads times: %w", err)
	}
	if got.UnixMicro() != want {
		return errors.New("check how the connection reads times: they come back shifted; set parseTime=true&loc=UTC in the DSN")
	}
	return nil
}

// useReadCommitted makes the store's transactions READ COMMITTED, unless those of
// the connection are: query selects what they are.
func (e *executor) useReadCommitted(ctx context.Context, query string) error {
	var level string
	if err := e.db.NewRaw(e.sql(OpCheck, query)).Scan(ctx, &level); err != nil {
		return fmt.Errorf("read the isolation level: %w", err)
	}
	if !strings.EqualFold(strings.ReplaceAll(level, "-", " "), "read committed") {
		e.txOpts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return nil
}
