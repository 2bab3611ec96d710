// Command generate writes the data that examples/flights embeds, from the files
// of the npm package vega-datasets. See ../README.md for what it keeps of them.
//
//	npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
//	go run . -from package -to ..
//
// The input files are checked against the checksums in the package's own
// datapackage.json, so the same command gives the same files, byte for byte,
// for as long as compress/gzip packs alike; what unpacks from them is always
// the same.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("generate: ")
	from := flag.String("from", "package", "the unpacked npm package vega-datasets 3.2.1")
	to := flag.String("to", "..", "where the data files go")
	flag.Parse()
	if err := generate(*from, *to); err != nil {
		log.Fatal(err)
	}
}

// generate makes all files in memory before it writes the first one, so that an
// unreadable input leaves the directory as it was.
func generate(from, to string) error {
	pkg, err := openPackage(from)
	if err != nil {
		return err
	}
	dated, codes, err := datedFlights(pkg)
	if err != nil {
		return fmt.Errorf("make dated.columns.gz: %w", err)
	}
	undated, err := undatedFlights(pkg)
	if err != nil {
		return fmt.Errorf("make undated.columns.gz: %w", err)
	}
	airports, err := airportsThatOccur(pkg, codes)
	if err != nil {
		return fmt.Errorf("make airports.csv: %w", err)
	}
	states, err := stateOutlines(pkg)
	if err != nil {
		return fmt.Errorf("make states.json: %w", err)
	}
	return write(to, map[string][]byte{
		"dated.columns.gz":   dated,
		"undated.columns.gz": undated,
		"airports.csv":       airports,
		"states.json":        states,
	})
}

// write stores the files and SHA256SUMS, their list as sha256sum -c reads it.
func write(dir string, files map[string][]byte) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var sums strings.Builder
	total := 0
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(files[name]), name)
		fmt.Printf("%9d bytes  %s\n", len(files[name]), name)
		total += len(files[name])
	}
	fmt.Printf("%9d bytes together\n", total)
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
