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

// table is a set of integer columns of equal length, as data/README.md
// describes its format.
type table struct {
	rows    int
	columns []column
}

// column is one column; words is the list that its values point into, nil for
// a column of plain numbers.
type column struct {
	name   string
	delta  bool
	words  []string
	values []int32
}

// maxRows keeps a broken header from asking for all memory.
const maxRows = 10_000_000

// readTable unpacks a table of exactly the given number of rows.
func readTable(packed []byte, rows int) (*table, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(unpacked, 1<<16)
	t, err := readHead(in)
	if err != nil {
		return nil, err
	}
	if t.rows != rows {
		return nil, fmt.Errorf("the table has %d rows, and not %d", t.rows, rows)
	}
	for i := range t.columns {
		if err := t.columns[i].read(in, rows); err != nil {
			return nil, fmt.Errorf("column %s: %w", t.columns[i].name, err)
		}
	}
	// Reading on to the end is what makes gzip compare its own checksum.
	switch _, err := in.ReadByte(); {
	case err == nil:
		return nil, errors.New("the table does not end after its last column")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return t, nil
}

// readHead reads the lines up to the empty one.
func readHead(in *bufio.Reader) (*table, error) {
	t := &table{}
	var version int
	if _, err := fmt.Fscanf(in, "columns %d\nrows %d\n", &version, &t.rows); err != nil {
		return nil, fmt.Errorf("this is no table: %w", err)
	}
	if version != 1 {
		return nil, fmt.Errorf("the table has format %d, and not 1", version)
	}
	if t.rows < 0 || t.rows > maxRows {
		return nil, fmt.Errorf("the header says %d rows", t.rows)
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
			return nil, fmt.Errorf("the header has the line %q", line)
		}
		c := column{name: fields[1]}
		switch fields[2] {
		case "plain":
		case "delta":
			c.delta = true
		case "words":
			c.words = fields[3:]
		default:
			return nil, fmt.Errorf("column %s is written as %q, which is not known", c.name, fields[2])
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
			return fmt.Errorf("row %d: word %d of a list of %d", row, v, len(c.words))
		}
		c.values[row] = int32(v)
	}
	return nil
}

// sourceColumns returns the named columns of an embedded table.
func sourceColumns(file string, rows int, names ...string) ([]column, error) {
	packed, err := source(file)
	if err != nil {
		return nil, err
	}
	t, err := readTable(packed, rows)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	columns := make([]column, len(names))
	for i, name := range names {
		at := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
		if at < 0 {
			return nil, fmt.Errorf("%s: there is no column %q", file, name)
		}
		columns[i] = t.columns[at]
	}
	return columns, nil
}
