package model

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// Time is an instant in UTC with microseconds, which every supported database can
// store: as timestamptz on PostgreSQL, DATETIME(6) on MySQL and MariaDB, and an
// INTEGER of microseconds since the Unix epoch on SQLite. The zero Time is NULL in
// the database and null in JSON.
type Time struct{ time.Time }

var (
	_ schema.QueryAppender = Time{}
	_ driver.Valuer        = Time{}
)

// TimeOf returns t as a Time: in UTC, truncated to microseconds.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Microsecond)}
}

// MaxTime returns the due time of a job that waits for something without a time
// limit: the last day that every database can store.
func MaxTime() Time { return Time{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} }

// IsKept reports whether every database can hold the time: it is in the years from 1 on,
// and not after [MaxTime].
func (t Time) IsKept() bool {
	// Compared in seconds: far from here, the calendar and comparisons overflow.
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	seconds := t.Unix()
	return seconds >= first.Unix() && seconds <= MaxTime().Unix()
}

// AppendQuery appends the time as a literal of gen's dialect. Bun calls it.
func (t Time) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	switch {
	case t.IsZero():
		return dialect.AppendNull(b), nil
	case gen.Dialect().Name() == dialect.SQLite:
		return strconv.AppendInt(b, t.UnixMicro(), 10), nil
	case gen.Dialect().Name() == dialect.MySQL:
		return t.UTC().AppendFormat(b, "'2006-01-02 15:04:05.000000'"), nil
	default:
		return t.UTC().AppendFormat(b, "'2006-01-02 15:04:05.000000+00:00'"), nil
	}
}

// Value returns the time as a driver binds it as an argument.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.UTC(), nil
}

// Scan reads a time in any form in which a supported database returns it.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = Time{}
	case time.Time:
		*t = TimeOf(v)
	case int64:
		*t = Time{time.UnixMicro(v).UTC()}
	case []byte:
		return t.parse(string(v))
	case string:
		return t.parse(v)
	default:
		return fmt.Errorf("scan time: unexpected type %T", src)
	}
	return nil
}

func (t *Time) parse(text string) error {
	for _, layout := range []string{"2006-01-02 15:04:05.999999", "2006-01-02 15:04:05.999999Z07:00", time.RFC3339Nano} {
		if parsed, err := time.Parse(layout, text); err == nil {
			return t.set(parsed)
		}
	}
	return fmt.Errorf("scan time: %q is not a time in UTC", text)
}

// set sets the time to one that was parsed from a text. It returns an error for a
// year outside of 1 to 9999 in UTC, which an offset can produce from a year inside:
// such a time could be written, but not read again.
func (t *Time) set(parsed time.Time) error {
	at := TimeOf(parsed)
	if year := at.Year(); !at.IsZero() && (year < 1 || year > 9999) {
		return fmt.Errorf("time %s is not between the years 1 and 9999 in UTC", parsed.Format(time.RFC3339))
	}
	*t = at
	return nil
}

// MarshalJSON writes RFC 3339 with microseconds, or null for the zero Time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000Z07:00"`), nil
}

// UnmarshalJSON reads RFC 3339 with any offset. The year must be from 1 to 9999 in
// UTC.
func (t *Time) UnmarshalJSON(b []byte) error {
	var parsed time.Time
	if err := parsed.UnmarshalJSON(b); err != nil {
		return err
	}
	return t.set(parsed)
}
