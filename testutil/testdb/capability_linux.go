package testdb

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Capability is the number of a Linux capability: a right that only root has by default.
type Capability int

// The capabilities that some tests need.
const (
	NetAdmin Capability = 12
	SysAdmin Capability = 21
)

// NeedCapability skips a test if this process does not have a capability, or fails it if
// nothing may be missing.
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
