package wire

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// rows is an answer that has been read already, so that its call has ended before the
// caller gets any of it. If there are several results, only the first has been read.
type rows struct {
	driver.Rows
	read [][]driver.Value
	end  error // of reading
	rest bool  // a later result is current
}

// readRows reads the first result of an answer.
func readRows(inner driver.Rows) *rows {
	r := &rows{Rows: inner}
	for {
		row := make([]driver.Value, len(inner.Columns()))
		if r.end = inner.Next(row); r.end != nil {
			return r
		}
		for i, value := range row {
			if raw, ok := value.([]byte); ok {
				row[i] = bytes.Clone(raw) // the driver's until the next row
			}
		}
		r.read = append(r.read, row)
	}
}

// err is the error of reading.
func (r *rows) err() error {
	if errors.Is(r.end, io.EOF) {
		return nil
	}
	return r.end
}

// Next copies the next row into values.
func (r *rows) Next(values []driver.Value) error {
	switch {
	case r.rest:
		return r.Rows.Next(values)
	case len(r.read) == 0:
		return r.end
	}
	copy(values, r.read[0])
	r.read = r.read[1:]
	return nil
}

// HasNextResultSet reports whether more follows.
func (r *rows) HasNextResultSet() bool {
	inner, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && inner.HasNextResultSet()
}

// NextResultSet makes the next result the current one.
func (r *rows) NextResultSet() error {
	if inner, ok := r.Rows.(driver.RowsNextResultSet); ok {
		r.rest = true
		return inner.NextResultSet()
	}
	return io.EOF
}

// ColumnTypeScanType returns the type that suits a column's values best.
func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	if inner, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return inner.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

// ColumnTypeDatabaseTypeName returns the database's name of a column's type.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	if inner, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return inner.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

// ColumnTypeLength returns the length of a column's type, if it has one.
func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) {
	if inner, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return inner.ColumnTypeLength(i)
	}
	return 0, false
}

// ColumnTypeNullable reports whether a column may be null, if that is known.
func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if inner, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return inner.ColumnTypeNullable(i)
	}
	return false, false
}

// ColumnTypePrecisionScale returns the precision and scale of a decimal column.
func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if inner, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return inner.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
