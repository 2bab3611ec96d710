package flights

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// table is a set of integer columns of equal length. data/README.md describes its
// format.
type table struct {
	rows    int
	columns []column
}

// column is one column. If words is not nil, the values are indexes in it.
type column struct {
	name   string
	delta  bool
	words  []string
	values []int32
}

// maxRows limits the memory that an invalid header can allocate.
const maxRows = 10_000_000

// readTable decodes a table that must have the given number of rows.
func readTable(compressed []byte, rows int) (*table, error) {
	decompressed, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(decompressed, 1<<16)
	t, err := readHeader(in)
	if err != nil {
		return nil, err
	}
	if t.rows != rows {
		return nil, fmt.Errorf("the table has %d rows: want %d", t.rows, rows)
	}
	for i := range t.columns {
		if err := t.columns[i].read(in, rows); err != nil {
			return nil, fmt.Errorf("column %s: %w", t.columns[i].name, err)
		}
	}
	// gzip verifies its checksum when the end is read.
	switch _, err := in.ReadByte(); {
	case err == nil:
		return nil, errors.New("the table has more data after its last column")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return t, nil
}

// readHeader reads the lines up to the first empty one.
func readHeader(in *bufio.Reader) (*table, error) {
	t := &table{}
	var version int
	if _, err := fmt.Fscanf(in, "columns %d\nrows %d\n", &version, &t.rows); err != nil {
		return nil, fmt.Errorf("this is not a table: %w", err)
	}
	if version != 1 {
		return nil, fmt.Errorf("the table has format %d: want 1", version)
	}
	if t.rows < 0 || t.rows > maxRows {
		return nil, fmt.Errorf("the header has %d rows: want 0 to %d", t.rows, maxRows)
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("read header: %w", err)
		}
		if line == "\n" {
			return t, nil
		}
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != "column" {
			return nil, fmt.Errorf("the header has the invalid line %q", line)
		}
		c := column{name: fields[1]}
		switch fields[2] {
		case "plain":
		case "delta":
			c.delta = true
		case "words":
			c.words = fields[3:]
		default:
			return nil, fmt.Errorf("column %s has the unknown encoding %q", c.name, fields[2])
		}
		t.columns = append(t.columns, c)
	}
}

func (c *column) read(in *bufio.Reader, rows int) error {
	c.values = make([]int32, rows)
	last := int64(0)
	for row := range c.values {
		v, err := binary.ReadVarint(in)
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		if c.delta {
			v += last
			last = v
		}
		if v < math.MinInt32 || v > math.MaxInt32 {
			return fmt.Errorf("row %d: %d is out of range", row, v)
		}
		if c.words != nil && (v < 0 || v >= int64(len(c.words))) {
			return fmt.Errorf("row %d: word %d in a list of %d", row, v, len(c.words))
		}
		c.values[row] = int32(v)
	}
	return nil
}

// embeddedColumns returns the named columns of an embedded table.
func embeddedColumns(file string, rows int, names ...string) ([]column, error) {
	content, err := embeddedFile(file)
	if err != nil {
		return nil, err
	}
	t, err := readTable(content, rows)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	columns := make([]column, len(names))
	for i, name := range names {
		at := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
		if at < 0 {
			return nil, fmt.Errorf("%s: no column %q", file, name)
		}
		columns[i] = t.columns[at]
	}
	return columns, nil
}
