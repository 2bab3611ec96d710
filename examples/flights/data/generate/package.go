package main

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// npmPackage is an unpacked npm package.
type npmPackage struct {
	dataDir string
	sums    map[string]string // by file name, from datapackage.json
}

const packageVersion = "3.2.1"

func openPackage(dir string) (*npmPackage, error) {
	text, err := os.ReadFile(filepath.Join(dir, "datapackage.json"))
	if err != nil {
		return nil, fmt.Errorf("-from must be the unpacked npm package vega-datasets %s: %w", packageVersion, err)
	}
	var description struct {
		Version   string `json:"version"`
		Resources []struct {
			Path string `json:"path"`
			Hash string `json:"hash"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(text, &description); err != nil {
		return nil, fmt.Errorf("read datapackage.json: %w", err)
	}
	if description.Version != packageVersion {
		return nil, fmt.Errorf("the package is vega-datasets %s: want %s", description.Version, packageVersion)
	}
	pkg := &npmPackage{dataDir: filepath.Join(dir, "data"), sums: map[string]string{}}
	for _, resource := range description.Resources {
		pkg.sums[resource.Path] = resource.Hash
	}
	return pkg, nil
}

// read returns a file of the package after it has verified its checksum.
func (p *npmPackage) read(name string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(p.dataDir, name))
	if err != nil {
		return nil, err
	}
	// The package's sha1 is the git object id of the file.
	blob := fmt.Appendf(nil, "blob %d\x00", len(content))
	if got := fmt.Sprintf("sha1:%x", sha1.Sum(append(blob, content...))); got != p.sums[name] {
		return nil, fmt.Errorf("%s has the checksum %s: want %q, from datapackage.json", name, got, p.sums[name])
	}
	return content, nil
}
