package flights

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
)

// The files of the data directory, written by data/generate.
const (
	datedFile    = "dated.columns.gz"
	undatedFile  = "undated.columns.gz"
	airportsFile = "airports.csv"
	statesFile   = "states.json"
	sumsFile     = "SHA256SUMS"
)

// The number of flights in each sample.
const (
	datedFlights   = 200_000
	undatedFlights = 200_000
)

//go:embed data/dated.columns.gz data/undated.columns.gz data/airports.csv data/states.json data/SHA256SUMS
var embedded embed.FS

// embeddedFile returns an embedded file after comparing it with SHA256SUMS. If a
// checkout has converted line ends or replaced a file by a pointer, it returns an
// error here, so that the report does not contain wrong numbers.
func embeddedFile(name string) ([]byte, error) {
	content, err := embedded.ReadFile("data/" + name)
	if err != nil {
		return nil, err
	}
	sums, err := embedded.ReadFile("data/" + sumsFile)
	if err != nil {
		return nil, err
	}
	if err := checkSum(name, content, sums); err != nil {
		return nil, fmt.Errorf("embedded data: %w; restore examples/flights/data and build again", err)
	}
	return content, nil
}

// checkSum compares content with the line for name in sums, which has the format of
// sha256sum.
func checkSum(name string, content, sums []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(sums))
	for lines.Scan() {
		want, listed, _ := strings.Cut(lines.Text(), "  ")
		if listed != name {
			continue
		}
		if got := sumOf(content); got != want {
			return fmt.Errorf("%s has the SHA-256 %s: want %s", name, got, want)
		}
		return nil
	}
	return fmt.Errorf("%s is not listed in %s", name, sumsFile)
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
