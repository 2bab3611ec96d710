package proof

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"time"
)

// Vitals are what a worker process needs to live.
type Vitals struct {
	At         Moment `json:"at"`
	Heap       uint64 `json:"heap"` // bytes in use after a collection
	Goroutines int    `json:"goroutines"`
	Files      int    `json:"files"` // open ones, connections among them
}

// vitalsInterval is how often a worker notes them.
const vitalsInterval = 2 * time.Second

const vitalsSuffix = ".vitals"

// noteVitals notes a worker's vitals repeatedly until ctx ends.
func noteVitals(ctx context.Context, o Orders) error {
	file, err := os.OpenFile(filepath.Join(o.Dir, o.Name+vitalsSuffix), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	for ticks := time.NewTicker(vitalsInterval); ; {
		select {
		case <-ctx.Done():
			ticks.Stop()
			return nil
		case <-ticks.C:
		}
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return err
		}
		runtime.GC()
		heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(heap)
		if err := json.NewEncoder(file).Encode(Vitals{Now(), heap[0].Value.Uint64(), runtime.NumGoroutine(), len(open)}); err != nil {
			return err
		}
	}
}

// Vitals returns what the worker has noted of itself, a few seconds ago at the latest.
func (w *Worker) Vitals() (all []Vitals, err error) {
	file, err := os.Open(filepath.Join(filepath.Dir(w.log), w.Name+vitalsSuffix))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v Vitals
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return all, fmt.Errorf("read the vitals of %s: %w", w.Name, err)
		}
		all = append(all, v)
	}
	return all, nil
}
