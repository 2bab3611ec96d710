// Command generate writes the data that examples/flights embeds, from the files of
// the npm package vega-datasets. ../README.md describes the data.
//
//	npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
//	go run . -from package -to ..
//
// It verifies the input files with the checksums in the package's datapackage.json.
// So the decompressed files are always the same; the compressed files are the same,
// byte for byte, as long as compress/gzip compresses in the same way.
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
	from := flag.String("from", "package", "directory of the unpacked npm package vega-datasets 3.2.1")
	to := flag.String("to", "..", "directory for the data files")
	flag.Parse()
	if err := generate(*from, *to); err != nil {
		log.Fatal(err)
	}
}

// generate computes all files in memory before it writes the first one, so that the
// directory is unchanged if an input is invalid.
func generate(from, to string) error {
	pkg, err := openPackage(from)
	if err != nil {
		return err
	}
	dated, codes, err := datedFlights(pkg)
	if err != nil {
		return fmt.Errorf("generate dated.columns.gz: %w", err)
	}
	undated, err := undatedFlights(pkg)
	if err != nil {
		return fmt.Errorf("generate undated.columns.gz: %w", err)
	}
	airports, err := selectAirports(pkg, codes)
	if err != nil {
		return fmt.Errorf("generate airports.csv: %w", err)
	}
	states, err := stateOutlines(pkg)
	if err != nil {
		return fmt.Errorf("generate states.json: %w", err)
	}
	return write(to, map[string][]byte{
		"dated.columns.gz":   dated,
		"undated.columns.gz": undated,
		"airports.csv":       airports,
		"states.json":        states,
	})
}

// write writes the files, and SHA256SUMS in the format of sha256sum.
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
	fmt.Printf("%9d bytes in total\n", total)
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
