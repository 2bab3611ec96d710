package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// csvFile is a file of orders that grows page by page and can be taken up again
// at any size it once had.
type csvFile struct {
	*os.File
	size int64
}

// errShort is returned for a file that lacks what a checkpoint says is there.
var errShort = errors.New("the file is shorter than its checkpoint")

// openCSV opens a file of root to be continued at a size, cutting off what comes
// after it. A file of size 0 is made, or begun anew.
func openCSV(root *os.Root, name string, size int64) (*csvFile, error) {
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	f := &csvFile{File: file, size: size}
	if err := f.rewind(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

func (f *csvFile) rewind() error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < f.size {
		return fmt.Errorf("%s: %w", info.Name(), errShort)
	}
	if err := f.Truncate(f.size); err != nil {
		return err
	}
	if _, err := f.Seek(f.size, io.SeekStart); err != nil {
		return err
	}
	if f.size > 0 {
		return nil
	}
	return f.append([][]string{{"id", "ordered_at", "customer", "country", "total"}})
}

// write appends orders, and returns once they are on the disk.
func (f *csvFile) write(orders []Order) error {
	records := make([][]string, len(orders))
	for i, o := range orders {
		records[i] = []string{
			strconv.FormatInt(o.ID, 10), o.OrderedAt.UTC().Format(time.RFC3339), asText(o.Customer), asText(o.Country),
			fmt.Sprintf("%d.%02d", o.TotalCents/100, o.TotalCents%100),
		}
	}
	if err := f.append(records); err != nil {
		return err
	}
	return f.Sync()
}

// asText is what somebody entered, so that no spreadsheet takes it for a formula:
// see https://owasp.org/www-community/attacks/CSV_Injection.
func asText(entered string) string {
	if entered != "" && strings.ContainsRune("=+-@\t\r", rune(entered[0])) {
		return "'" + entered
	}
	return entered
}

func (f *csvFile) append(records [][]string) error {
	var text bytes.Buffer
	if err := csv.NewWriter(&text).WriteAll(records); err != nil {
		return err
	}
	n, err := f.Write(text.Bytes())
	f.size += int64(n)
	return err
}
