package testdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Disk mounts a disk in memory of so many bytes for one test, and returns its folder. The
// test is skipped if this process may not mount.
func Disk(t testing.TB, size int64) string {
	t.Helper()
	NeedCapability(t, SysAdmin)
	k, err := processKeeper.get()
	if err != nil {
		t.Fatalf("make a disk: %v", err)
	}
	dir, err := os.MkdirTemp(k.root, "disk-")
	if err != nil {
		t.Fatalf("make a disk: %v", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Errorf("take away the disk: %v", err)
		}
	})
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", size)); err != nil {
		orSkip(t, fmt.Errorf("mount a disk in memory: %w (a right to do so was %w)", err, errMissing))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount the disk: %v", err)
		}
	})
	return dir
}

// Fill writes to a disk until it is full, and returns a function that frees the space
// again.
func Fill(t testing.TB, disk string) (free func()) {
	t.Helper()
	name := filepath.Join(disk, "filler")
	file, err := os.Create(name)
	if err != nil {
		t.Fatalf("fill the disk: %v", err)
	}
	defer file.Close()
	for chunk := 1 << 20; chunk > 0; {
		_, err := file.Write(make([]byte, chunk))
		switch {
		case errors.Is(err, syscall.ENOSPC):
			chunk /= 2
		case err != nil:
			t.Fatalf("fill the disk: %v", err)
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Errorf("free the disk: %v", err)
		}
	}
}
