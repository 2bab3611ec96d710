package testdb

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Capability is a right of a process that only root has by itself, by Linux's
// number.
type Capability int

// The capabilities that some tests need.
const (
	NetAdmin Capability = 12
	SysAdmin Capability = 21
)

// NeedCapability skips a test where this process does not have the right to do
// what only root may, or fails it where nothing may be missing.
func NeedCapability(t testing.TB, c Capability) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatalf("read this process's capabilities: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		text, ok := strings.CutPrefix(line, "CapEff:")
		if !ok {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		if err != nil {
			t.Fatalf("read this process's capabilities: %v", err)
		}
		if set&(1<<c) != 0 {
			return
		}
	}
	orSkip(t, fmt.Errorf("capability %d was %w, which root has (see capabilities(7)): run this as root", c, errMissing))
}
