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

// csvFile is a file of orders that is written page by page. Writing can continue
// from any earlier size.
type csvFile struct {
	*os.File
	size int64
}

// errFileTooShort is returned for a file that is shorter than its checkpoint says.
var errFileTooShort = errors.New("the file is shorter than its checkpoint")

// openCSV opens a file of root and truncates it to size, to continue there. With
// size 0, it creates the file or overwrites it.
func openCSV(root *os.Root, name string, size int64) (*csvFile, error) {
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	f := &csvFile{File: file, size: size}
	if err := f.truncateToSize(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

// truncateToSize truncates the file to its size and writes the header if that is 0.
func (f *csvFile) truncateToSize() error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < f.size {
		return fmt.Errorf("%s: %w", info.Name(), errFileTooShort)
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

// write appends orders, and returns when they are on the disk.
func (f *csvFile) write(orders []Order) error {
	records := make([][]string, len(orders))
	for i, o := range orders {
		records[i] = []string{
			strconv.FormatInt(o.ID, 10), o.OrderedAt.UTC().Format(time.RFC3339), escapeFormula(o.Customer), escapeFormula(o.Country),
			fmt.Sprintf("%d.%02d", o.TotalCents/100, o.TotalCents%100),
		}
	}
	if err := f.append(records); err != nil {
		return err
	}
	return f.Sync()
}

// escapeFormula escapes a text that a spreadsheet would interpret as a formula: see
// https://owasp.org/www-community/attacks/CSV_Injection.
func escapeFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
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
